"""ml_assets: continuous training of tabular models, as a Dagster asset graph.

ml_assets.load("flights/cleaned", partition="2013-03", version=0)
ml_assets.versions("flight_delay/candidate")
ml_assets.predict("flight_delay", frame)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_assets.moved import resolve_old_names
from ml_assets.startup import STARTED as STARTED

if TYPE_CHECKING:
    from ml_assets.components import TabularDataset, TabularModel
    from ml_assets.reading import load, predict, versions

__version__ = "0.1.0"
__all__ = ["TabularDataset", "TabularModel", "load", "predict", "versions"]

resolve_old_names()

_HOMES = {
    "TabularDataset": "ml_assets.components",
    "TabularModel": "ml_assets.components",
    "load": "ml_assets.reading",
    "predict": "ml_assets.reading",
    "versions": "ml_assets.reading",
}


def __getattr__(name: str) -> Any:
    # Lazily: dagster, pandas and the store cost seconds that most commands need not pay.
    if name not in _HOMES:
        raise AttributeError(f"module 'ml_assets' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
