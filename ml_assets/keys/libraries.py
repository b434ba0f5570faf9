"""What can change a result besides code: versions of libraries and Python; the machine."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import platform
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ALIASES = {
    "cyclonedx": "cyclonedx-python-lib",
    "dateutil": "python-dateutil",
    "packageurl": "packageurl-python",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
"""Modules whose distribution has another name; finding others takes half a second."""
INSTALLED = frozenset({"site-packages", "dist-packages"})
_PYTHON = tuple({Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")})


@functools.cache
def is_installed(file: str) -> bool:
    """Return whether a file is Python's own or of an installed package, so that a version tells.

    True also for what is no file (`built-in`); False for a package in editable mode.
    """
    if INSTALLED & set(Path(file).parts) or not Path(file).is_absolute():
        return True
    path = Path(file).resolve()
    return bool(INSTALLED & set(path.parts)) or any(path.is_relative_to(at) for at in _PYTHON)


def places(name: str) -> list[str]:
    """Return where a top-level module would be imported from; empty if it does not exist."""
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:
        # It was put into `sys.modules` by hand.
        return []
    if spec is None:
        return []
    return [place for place in (spec.origin, *(spec.submodule_search_locations or ())) if place]


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
