"""Loads a model and serves predictions."""
