"""Hides libraries that a process which only predicts with LightGBM does not need."""

from __future__ import annotations

from typing import Any

OPTIONAL = ("dask", "matplotlib", "pandas", "sklearn")
"""Libraries that LightGBM imports if installed, for seconds, and does not need to predict."""


class Hidden:
    """A finder for `sys.meta_path` that hides the optional libraries."""

    @staticmethod
    def find_spec(name: str, *_arguments: Any) -> None:
        """Raise ModuleNotFoundError, as if it were not installed."""
        if name in OPTIONAL:
            raise ModuleNotFoundError(f"no module {name} here", name=name)
