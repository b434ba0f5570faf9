"""Tests of ml_assets, in the layers of the package."""
