"""Tests of loading a champion and predicting with it."""
