"""Pydantic's errors as `file:line: key: what was got, what was wanted`.

Belongs here: wording and finding the line. Does not belong here: reading specs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from ml_assets.errors import suggest
from ml_assets.spec.document import compose, read
from ml_assets.spec.mistakes import Hidden, Mistakes, Place

QUOTED = re.compile(r"'([^']*)'")
MAPPING = ("model_type", "dict_type", "model_attributes_type", "dataclass_type")


def explain(error: ValidationError, model: type[BaseModel], path: Path, root: yaml.Node) -> str:
    """Return every mistake of a validation error, one per line, in the order of the file."""
    lines = []
    for item in error.errors():
        for place, what in _mistakes(item, model, root):
            lines.append((line_of(root, ["attributes", *place]), _named(place, what)))
    return "\n".join(f"{path}:{line}: {said}" for line, said in sorted(lines))


def locate(path: Path, place: Place) -> str:
    """Return `file:line` of the deepest part of a place below `attributes` found in the file."""
    root = compose(path, read(path))
    return f"{path}:{1 if root is None else line_of(root, ['attributes', *place])}"


def line_of(root: yaml.Node, place: Sequence[int | str]) -> int:
    """Return the line of the deepest part of `place` found in the file."""
    node, line = root, root.start_mark.line
    for part in place:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                break
            node = node.value[part]
            line = node.start_mark.line
        elif isinstance(node, yaml.SequenceNode):
            # A list of names may stand for a mapping.
            item = next((item for item in node.value if item.value == part), None)
            return int(line if item is None else item.start_mark.line) + 1
        else:
            break
    return int(line) + 1


def _named(place: Place, what: str) -> str:
    where = ".".join(str(part) for part in place)
    return f"{where}: {what}" if where else what


def _mistakes(item: Any, model: type[BaseModel], root: yaml.Node) -> Iterator[tuple[Place, str]]:
    """Yield place and message of one of pydantic's errors; one of ours may hold several."""
    location, kind, context = item["loc"], item["type"], item.get("ctx", {})
    place = _without_tags(location, root)
    cause = context.get("error")
    if isinstance(cause, Mistakes):
        for inner, what in cause.found:
            yield _without_tags((*location, *inner), root), what
    elif kind == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        yield place, f"unknown key{suggest(str(location[-1]), known)}"
    elif kind == "missing":
        yield place, "is missing"
    elif kind == "union_tag_invalid":
        options = QUOTED.findall(context["expected_tags"])
        key = context["discriminator"].strip("'")
        yield (*place, key), _choice(context["tag"], options)
    elif kind == "union_tag_not_found":
        yield (*place, context["discriminator"].strip("'")), "is missing"
    elif kind == "literal_error":
        yield place, _choice(item["input"], QUOTED.findall(context["expected"]))
    elif kind in MAPPING:
        yield place, f"wanted keys and values{_got(item['input'], '')}"
    else:
        said = item["msg"].removeprefix("Value error, ").replace("Input should be", "wanted")
        quotes = "; put a text in quotes" if kind == "string_type" else ""
        yield place, said + _got(item["input"], said) + quotes


def _choice(got: Any, options: Sequence[str]) -> str:
    shown = "nothing" if got is None else repr(got)
    return f"got {shown}{suggest(str(got), options)}"


def _got(given: Any, said: str) -> str:
    if given is None:
        return " (got nothing)"
    if isinstance(given, Hidden):
        return f" ({given!r})"
    if not isinstance(given, str | int | float | bool) or repr(given) in said:
        return ""
    return f" (got {given!r})"


def _without_tags(location: Sequence[int | str], root: yaml.Node) -> Place:
    """Return pydantic's location without the tags of unions, which are values in the file."""
    place: list[int | str] = []
    for number, part in enumerate(location):
        node = _node(root, ["attributes", *place])
        inside = number < len(location) - 1 and isinstance(part, str)
        if inside and isinstance(node, yaml.MappingNode) and _is_tag(str(part), node):
            continue
        if part != "[key]":
            place.append(part)
    return tuple(place)


def _is_tag(part: str, node: yaml.MappingNode) -> bool:
    keys = {key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
    values = {value.value for _, value in node.value if isinstance(value, yaml.ScalarNode)}
    return part not in keys and part in values


def _node(root: yaml.Node, place: Sequence[int | str]) -> yaml.Node | None:
    node: yaml.Node | None = root
    for part in place:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part] if part < len(node.value) else None
        else:
            return None
    return node


def _fields_at(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Return the keys allowed at a location of a model; unions are resolved by their tag."""
    models: list[Any] = [model]
    for part in location:
        following: list[Any] = []
        for item in models:
            field = item.model_fields.get(str(part)) if _is_model(item) else None
            following += _models_in(field.annotation) if field is not None else []
        tagged = [item for item in models if _is_model(item) and _tag(item, part)]
        models = tagged or following or models
    return sorted({name for item in models if _is_model(item) for name in item.model_fields})


def _tag(model: type[BaseModel], part: int | str) -> bool:
    return any(part in get_args(field.annotation) for field in model.model_fields.values())


def _is_model(item: Any) -> bool:
    return isinstance(item, type) and issubclass(item, BaseModel)


def _models_in(annotation: Any) -> list[Any]:
    if _is_model(annotation):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
