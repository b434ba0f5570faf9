"""Replaying the past: what each model would have lost, and what each policy would have cost."""
