"""Reading a defs.yaml: plain values on the happy path; `explain` adds the lines.

Belongs here: the keys of its top level. Does not belong here: YAML (`document`), what specs mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from ml_assets.errors import SpecError, suggest
from ml_assets.spec.document import compose, construct, read, wrong_keys
from ml_assets.spec.explain import explain, line_of

TOP = ("type", "attributes", "template_vars_module", "requirements", "post_processing")
"""Keys that Dagster allows at the top level."""


def read_spec(path: Path, types: Mapping[str, type[BaseModel]]) -> BaseModel | None:
    """Return the spec in a defs.yaml, or None if its `type` is not one of ours.

    Raises SpecError with file and line of every mistake.
    """
    return read_text(path, read(path), types)


def read_text(path: Path, text: str, types: Mapping[str, type[BaseModel]]) -> BaseModel | None:
    """Return the spec in the text of a defs.yaml, as `read_spec` does; SpecError for mistakes."""
    root = compose(path, text)
    kind = _type(path, root, types)
    if root is None or kind is None:
        return None
    wrong = [f"{path}:{line}: {said}" for line, said in sorted(wrong_keys(root))]
    if wrong:
        raise SpecError("\n".join(wrong))
    document = construct(path, root)
    unknown = [key for key in document if key not in TOP]
    if unknown:
        said = [
            f"{path}:{line_of(root, [key])}: {key}: unknown key{suggest(key, TOP)}"
            for key in unknown
        ]
        raise SpecError("\n".join(said))
    try:
        return types[kind].model_validate(document.get("attributes") or {})
    except ValidationError as error:
        raise SpecError(explain(error, types[kind], path, root)) from None


def _type(path: Path, root: yaml.Node | None, types: Mapping[str, type[BaseModel]]) -> str | None:
    """Return which of our types a document has, None for others' types; otherwise SpecError."""
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    pair = next(
        ((k, v) for k, v in pairs if isinstance(k, yaml.ScalarNode) and k.value == "type"), None
    )
    if pair is None:
        raise SpecError(f"{path}:1: wanted `type:` and `attributes:`")
    key, node = pair
    kind = node.value if isinstance(node, yaml.ScalarNode) else None
    if kind in types:
        return str(kind)
    line = key.start_mark.line + 1
    if kind is not None and kind.startswith("ml_assets."):
        raise SpecError(f"{path}:{line}: type: no component {kind!r}{suggest(kind, types)}")
    if kind is None or not node.tag.endswith(":str"):
        got = "keys and values or a list" if kind is None else (repr(kind) if kind else "nothing")
        raise SpecError(
            f"{path}:{line}: type: got {got}, wanted a component such as {', '.join(types)}"
        )
    return None
