"""The record of which fields of a spec were there first, with what came since."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator

import ml_assets.spec
from ml_assets.keys.fields import shipped
from ml_assets.spec.base import Spec


def text() -> str:
    """Return the record with every current class and field; what it says is never changed."""
    for module in pkgutil.iter_modules(ml_assets.spec.__path__, "ml_assets.spec."):
        importlib.import_module(module.name)
    found = sorted(shipped().completed(_kinds(Spec)).items())
    return json.dumps(dict(found), indent=1, ensure_ascii=False) + "\n"


def _kinds(base: type[Spec]) -> Iterator[type[Spec]]:
    for kind in base.__subclasses__():
        if kind.__module__.startswith("ml_assets."):
            yield kind
        yield from _kinds(kind)
