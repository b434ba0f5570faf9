"""The reference of a defs.yaml, from the spec models: a table of fields for each."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import ModelSpec

PLAIN = {str: "text", int: "integer", float: "number", bool: "true or false"}
HEAD = """\
# The spec: `defs.yaml`

Made by `make docs` from `ml_assets/spec/`; do not edit. A folder in `defs/` is a dataset or a
model, named like the folder. Its `defs.yaml` has two keys: `type` and `attributes`. Unknown keys
are refused, and every mistake is named with its file and line.

YAML reads `no`, `yes`, `on`, `off` and `1` as true, false or a number: put them in quotes where a
key or a text is meant (`'no'`); what is read as something else is refused. A date is a text. A key
stands once in a mapping. Anchors and merges (`<<: *a`) may be used; a file may have 5 MB, 50 levels
and, with aliases written out, 200,000 values.

An editor with a YAML language server completes fields, shows their descriptions, and underlines
mistakes with [the JSON schema](defs.schema.json). Put this line first, with the path to the file:

```yaml
# yaml-language-server: $schema=../../../docs/reference/defs.schema.json
```

In VS Code with Red Hat's YAML extension, or in Cursor, `dg utils configure-editor vscode` (or
`cursor`) does without that line: it makes a schema of every component of the project, ours
included. Of a mistake it says less than the file does, which goes by `type`, `family` and `kind`.
"""


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for kind, model in (("TabularDataset", DatasetSpec), ("TabularModel", ModelSpec)):
        parts.append(f"## `type: ml_assets.{kind}`\n\n{_about(model)}\n\n{_table(model)}\n")
        for part in _parts(model):
            parts.append(f"### {part.__name__} {{: #{_anchor(part)} }}\n\n{_about(part)}\n")
            parts.append(f"{_table(part)}\n")
    return "\n".join(_once(parts))


def _once(parts: list[str]) -> list[str]:
    """Drop a part that stands above: datasets and models share some."""
    return list(dict.fromkeys(parts))


def _parts(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Return the models that a model's fields are made of, in the order in which they appear."""
    found: dict[type[BaseModel], None] = {}

    def walk(kind: Any) -> None:
        for item in _models(kind):
            if item not in found:
                found[item] = None
                for field in item.model_fields.values():
                    walk(field.annotation)

    for field in model.model_fields.values():
        walk(field.annotation)
    return list(found)


def _models(kind: Any) -> list[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for item in get_args(kind) for model in _models(item)]


def _about(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _table(model: type[BaseModel]) -> str:
    lines = ["| field | type | default | what |", "| --- | --- | --- | --- |"]
    for name, field in model.model_fields.items():
        about = _cell(" ".join((field.description or "").split()))
        lines.append(f"| `{name}` | {_type(field)} | {_default(field)} | {about} |")
    return "\n".join(lines)


def _type(field: FieldInfo) -> str:
    return _cell(_words(field.annotation))


def _words(kind: Any) -> str:
    """Return a type as people write values of it in YAML."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return f"[{kind.__name__}](#{_anchor(kind)})"
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _words(inner[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin is dict:
        return f"{_words(inner[1])}, by name"
    if origin is tuple:
        if inner[-1] is not ...:
            return f"[{', '.join(_words(item) for item in inner)}]"
        return f"list of {_words(inner[0])}"
    if origin in (Union, UnionType):
        return " or ".join(_words(item) for item in inner if item is not type(None))
    return PLAIN.get(kind, "anything")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value in ((), {}, ""):
        return ""
    if isinstance(value, BaseModel):
        return ""
    shown = list(value) if isinstance(value, tuple) else value
    shown = str(value).lower() if isinstance(value, bool) else shown
    return f"`{_cell(str(shown))}`"


def _anchor(model: type[BaseModel]) -> str:
    return model.__name__.lower()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
