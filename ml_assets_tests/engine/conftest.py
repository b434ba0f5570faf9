"""The toy project."""

from ml_assets_tests.toys import made, original, predicting, project, toy

__all__ = ["made", "original", "predicting", "project", "toy"]
