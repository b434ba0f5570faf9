"""The toy project's specs."""

from ml_assets_tests.projects import project

__all__ = ["project"]
