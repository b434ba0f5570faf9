"""Measurements, as ratios to a plain script that does the same work without the platform."""
