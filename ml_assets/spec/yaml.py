"""Reading a defs.yaml: plain values on the happy path; `explain` has the lines.

Belongs here: YAML and the keys of its top level. Does not belong here: what specs mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from ml_assets.errors import SpecError, suggest
from ml_assets.spec.explain import explain, line_of, tree

TOP = ("type", "attributes", "template_vars_module", "requirements", "post_processing")
"""What dagster allows at the top level."""


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain YAML, where a key must not stand twice: the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        """Return a mapping as a dict; a ConstructorError names a key that stands twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    said = f"the key {key.value!r} stands here twice"
                    raise yaml.constructor.ConstructorError(None, None, said, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_spec(path: Path, types: Mapping[str, type[BaseModel]]) -> BaseModel | None:
    """Return the spec in a defs.yaml, or None where its `type` is not one of ours.

    Raises SpecError naming file and line of every mistake.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = yaml.load(text, Loader=Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise SpecError(f"{path}{line}: not YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(document, dict) or "type" not in document:
        raise SpecError(f"{path}:1: wanted `type:` and `attributes:`")
    kind = document["type"]
    if kind not in types:
        if str(kind).startswith("ml_assets."):
            at = _line(text, "type")
            raise SpecError(f"{path}:{at}: type: no component {kind!r}{suggest(str(kind), types)}")
        return None
    unknown = [str(key) for key in document if key not in TOP]
    if unknown:
        said = [
            f"{path}:{_line(text, key)}: {key}: unknown key{suggest(key, TOP)}" for key in unknown
        ]
        raise SpecError("\n".join(said))
    try:
        return types[kind].model_validate(document.get("attributes") or {})
    except ValidationError as error:
        raise SpecError(explain(error, types[kind], path, text)) from None


def _line(text: str, key: str) -> int:
    return line_of(tree(text), [key])
