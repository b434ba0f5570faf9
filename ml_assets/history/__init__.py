"""What was made from what, as the recorded actions of a home say it."""
