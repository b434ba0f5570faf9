"""Asset checks, one file each: a function from inputs to a Check. Listed in engine/checks.py."""
