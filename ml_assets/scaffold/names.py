"""Names of projects, datasets and models: what works as folder, package and key on every system."""

from __future__ import annotations

import importlib.util
import keyword
import sys
from collections.abc import Collection
from pathlib import Path

from ml_assets.errors import RequestError
from ml_assets.spec.base import NAME
from ml_assets.walk import shown

WINDOWS = {"con", "prn", "aux", "nul"} | {f"{k}{n}" for k in ("com", "lpt") for n in range(1, 10)}
"""Names that no file can have on Windows."""
LONGEST = 64


def package_of(folder: Path) -> str:
    """Return the package's name for a project's folder; RequestError says what is wrong with it.

    >>> package_of(Path("/home/me/shop-2"))
    'shop_2'
    """
    name = folder.name
    package = name.lower().replace("-", "_")
    wrong = _wrong(package) or _taken(package)
    if wrong:
        raise RequestError(
            f"the folder {shown(name)!r} cannot name a project: {wrong}. "
            "Wanted letters, digits, - and _, beginning with a letter (like 'shop' or 'shop-2')"
        )
    return package


def group_name(kind: str, name: str, taken: Collection[str] = ()) -> str:
    """Return the name of a new dataset or model; RequestError says what is wrong with it.

    `taken` are the names of those of the other kind: they share a folder and keys.
    """
    wrong = _wrong(name)
    if not wrong and name in taken:
        wrong = f"{name!r} is already a {'model' if kind == 'dataset' else 'dataset'}"
    if wrong:
        raise RequestError(
            f"{shown(name)!r} cannot name a {kind}: {wrong}. "
            "Wanted lower case letters, digits and _, beginning with a letter (like 'flights')"
        )
    return name


def _wrong(name: str) -> str:
    if len(name) > LONGEST:
        return f"it has {len(name)} characters, at most {LONGEST} are allowed"
    if not NAME.fullmatch(name):
        odd = sorted({c for c in name.lower() if not (c.isascii() and (c.isalnum() or c == "_"))})
        if odd:
            return f"it contains {', '.join(repr(shown(c)) for c in odd)}"
        if not name or not name[0].isalpha():
            return "it does not begin with a letter"
        return "it contains capital letters"
    if keyword.iskeyword(name):
        return f"{name!r} is a Python keyword"
    if name in WINDOWS:
        return f"Windows reserves {name!r}"
    return ""


def _taken(package: str) -> str:
    """Say where a package of that name is imported from already; it would hide or be hidden."""
    if package in sys.stdlib_module_names:
        return f"{package!r} is a module of Python"
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return ""
    return f"{package!r} is an installed package"
