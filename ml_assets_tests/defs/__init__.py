"""Tests of the models and datasets that are shipped."""
