"""Asset checks, one file each: a function from inputs to a Check; listed in engine/checks.py."""
