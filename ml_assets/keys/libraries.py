"""What can change a result besides code: versions of libraries and Python; the machine."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import sys
from collections.abc import Iterable
from typing import Any

ALIASES = {
    "cyclonedx": "cyclonedx-python-lib",
    "dateutil": "python-dateutil",
    "packageurl": "packageurl-python",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
"""Modules whose distribution has another name; finding others takes half a second."""


@functools.cache
def version_of(module: str) -> tuple[str, str]:
    """Return the distribution that provides a top-level module, and its version ("" if none)."""
    name = ALIASES.get(module, module)
    try:
        return name, importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
    for name in _distributions().get(module, ()):
        return name, importlib.metadata.version(name)
    return module, ""


@functools.cache
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def environment(modules: Iterable[str]) -> dict[str, str]:
    """Return the part of an action key: Python's minor version and the libraries' versions."""
    versions = dict(version_of(module) for module in sorted(set(modules)))
    return {"python": f"{sys.version_info.major}.{sys.version_info.minor}", **versions}


@functools.cache
def machine() -> dict[str, Any]:
    """Return facts of the machine, recorded beside an action but never in its key."""
    import threadpoolctl

    kernels = {
        str(pool["internal_api"]): str(said)
        for pool in threadpoolctl.threadpool_info()
        if (said := pool.get("architecture") or pool["version"])
    }
    return {
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "kernels": kernels,
    }
