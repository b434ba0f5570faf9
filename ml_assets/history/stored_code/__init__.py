"""Runs stored sources in a separate process."""
