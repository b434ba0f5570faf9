"""The toy project."""

from ml_assets_tests.toys import made, original, project, toy

__all__ = ["made", "original", "project", "toy"]
