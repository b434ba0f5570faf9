"""Libraries that a process which only predicts with LightGBM does without."""

from __future__ import annotations

from typing import Any

OPTIONAL = ("dask", "matplotlib", "pandas", "sklearn")
"""What LightGBM imports if it is there, for seconds, and does not need to predict."""


class Hidden:
    """A finder, for `sys.meta_path`, that finds nothing of what is optional."""

    @staticmethod
    def find_spec(name: str, *_arguments: Any) -> None:
        """Raise ModuleNotFoundError, as where it is not installed."""
        if name in OPTIONAL:
            raise ModuleNotFoundError(f"no module {name} here", name=name)
