"""What was made from what, according to the recorded actions of a home."""
