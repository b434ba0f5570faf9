"""The world of the adapters: a project with a candidate."""

from ml_assets_tests.adapters.conftest import made, migrated_once, opens, workspace

__all__ = ["made", "migrated_once", "opens", "workspace"]
