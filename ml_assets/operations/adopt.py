"""Writes values into a defs.yaml, all or none; comments and layout are kept.

Belongs here: editing YAML. Does not belong here: which values to write, and why.
"""

from __future__ import annotations

import copy
import io
import os
import shutil
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

from ml_assets.errors import RequestError, SpecError
from ml_assets.operations.variation import Settings
from ml_assets.spec.model import ModelSpec
from ml_assets.spec.project import MODEL
from ml_assets.spec.yaml import read_spec


def adopt(path: Path, settings: Settings, wanted: ModelSpec) -> None:
    """Write settings into a model's defs.yaml, which then reads as `wanted`.

    A setting shared through a YAML anchor is copied first. Raises RequestError, and leaves the
    file unchanged, if the result would not read as `wanted`.
    """
    edited = with_values(path.read_text(encoding="utf-8"), settings)
    aside = path.with_name(f".{path.name}.new")
    try:
        aside.write_text(edited, encoding="utf-8")
        shutil.copymode(path, aside)
        try:
            spec = read_spec(aside, {MODEL: ModelSpec})
        except SpecError:
            spec = None
        if spec != wanted:
            raise RequestError(
                f"{path} was changed while the experiment ran, or shares these values in a way "
                f"that cannot be edited here; write them by hand: "
                + ", ".join(f"{place}: {value}" for place, value in settings.items())
            )
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def with_values(text: str, settings: Settings) -> str:
    """Return a defs.yaml with new values under `attributes` and its comments."""
    from ruamel.yaml.util import load_yaml_guess_indent

    yaml = _editor()
    _, indent, offset = load_yaml_guess_indent(text)
    if indent is not None:
        yaml.indent(mapping=2, sequence=max(indent, 2 + (offset or 0)), offset=offset or 0)
    document = yaml.load(text)
    for place, value in settings.items():
        _set(document, ["attributes", *place.split(".")], value)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _editor() -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import RoundTripRepresenter

    class Representer(RoundTripRepresenter):  # type: ignore[misc, unused-ignore]
        """Writes numbers so that YAML 1.1 also reads `1e-07` as a number."""

    def number(representer: Any, value: float) -> Any:
        text = repr(value)
        text = text if "." in text else text.replace("e", ".0e")
        return representer.represent_scalar("tag:yaml.org,2002:float", text)

    Representer.add_representer(float, number)
    yaml = YAML()
    yaml.Representer = Representer
    yaml.preserve_quotes = True
    yaml.width = 10_000
    return yaml


def _set(document: Any, parts: list[str], value: Any) -> None:
    """Set a value; mappings on the way that are shared with other places are copied first."""
    node = document
    for part in parts[:-1]:
        if part not in node:
            _put(node, part, {}, last="settings" in parts)
        elif sum(child is node[part] for child in _children(document)) > 1:
            node[part] = copy.deepcopy(node[part])
            node[part].yaml_set_anchor(None)
        node = node[part]
    key = parts[-1]
    if key in node:
        node[key] = value
    else:
        _put(node, key, value, last="settings" in parts)


def _put(node: Any, key: str, value: Any, last: bool) -> None:
    """Add a key where it separates no comment or blank line from the key it belongs to.

    The order of a family's own `settings` is passed to its code, so there it is added last.
    """
    keys = list(node)
    for place in range(len(keys) - 1, 0, -1):
        before = keys[place - 1]
        plain = not isinstance(node[before], (list, dict))
        if not last and plain and before not in node.ca.items:
            node.insert(place, key, value)
            return
    node[key] = value


def _children(node: Any) -> Iterator[Any]:
    """Yield every node of a document, once for each place where it occurs."""
    items = node.values() if isinstance(node, MutableMapping) else node
    for child in items if isinstance(items, list) or isinstance(node, MutableMapping) else ():
        yield child
        yield from _children(child)
