"""Stored sources, run again in a process of their own."""
