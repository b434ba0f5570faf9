"""Writes stored sources to a folder from which Python can import."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

from ml_assets.keys.code import absolute
from ml_assets.keys.syntax import imports_of

Texts = Mapping[str, str]
"""Module name -> source text, as an action's sources are stored."""


def extract(texts: Texts, folder: Path) -> None:
    """Write modules as files."""
    for name, text in files_of(texts).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def files_of(texts: Texts) -> dict[str, str]:
    """Return modules by path; a package without a source of its own has an empty one."""
    packages = {name for name in texts if _is_package(name, texts)}
    for name in texts:
        parts = name.split(".")
        packages |= {".".join(parts[:end]) for end in range(1, len(parts))}
    files = {f"{name.replace('.', '/')}/__init__.py": texts.get(name, "") for name in packages}
    alone = texts.keys() - packages
    return files | {f"{name.replace('.', '/')}.py": texts[name] for name in alone}


def _is_package(name: str, texts: Texts) -> bool:
    """Infer whether a module was an `__init__.py`, which is not stored.

    A module with modules below it was. For any other its relative imports decide: they lead to
    stored modules only from the right place.
    """
    if "." not in name or any(other.startswith(f"{name}.") for other in texts):
        return True
    if "from ." not in texts[name]:
        return False
    tree = ast.parse(texts[name])
    imports = list(imports_of(tree))
    inside = texts.keys() & set(absolute(imports, name))
    beside = texts.keys() & set(absolute(imports, name.rpartition(".")[0]))
    return len(inside) > len(beside)


def states(sources: Iterable[Texts]) -> list[tuple[dict[str, str], list[int]]]:
    """Group sources that can be imported side by side: (all their modules, their numbers).

    Two sources with different texts of the same module cannot.
    """
    distinct: list[tuple[dict[str, str], list[int]]] = []
    for number, texts in enumerate(sources):
        for whole, members in distinct:
            if all(whole.get(name, text) == text for name, text in texts.items()):
                whole.update(texts)
                members.append(number)
                break
        else:
            distinct.append((dict(texts), [number]))
    return distinct
