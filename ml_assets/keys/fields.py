"""Which fields of a spec are in keys: a later field is left out while it has its default.

`fields.json` lists for each class the first fields, which are always written, and the default with
which each later field was added. A new class writes all of its fields. If a default changes later,
specs that rely on it re-run, since only the recorded default is left out. Belongs here: every way
in which a spec becomes part of a digest. Does not belong here: storing specs, with all fields.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from ml_assets.moved import moved

FILE = Path(__file__).with_name("fields.json")
FIRST, LATER = "first", "later"
PLAIN = frozenset({type(None), bool, int, float, str})
"""What is the same in JSON; most values are."""
Record = Mapping[str, Mapping[str, Any]]
"""Class (`module:name`) -> `first` (its fields) and `later` (field -> default)."""
Excluded = dict[Any, Any]
"""What pydantic excludes: field, key or position -> True, or the same one level deeper."""


class Fields:
    """Applies a record to specs that become part of a digest."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._defaults: dict[type[BaseModel], Mapping[str, str]] = {}

    def document(self, spec: BaseModel) -> dict[str, Any]:
        """Return a spec as keys use it: a JSON document."""
        return spec.model_dump(mode="json", serialize_as_any=True, exclude=self._later(spec))

    def text(self, spec: BaseModel) -> str:
        """Return a spec as keys use it, as one text in which the order of mappings counts."""
        return spec.model_dump_json(serialize_as_any=True, exclude=self._later(spec))

    def completed(self, kinds: Iterable[type[BaseModel]]) -> dict[str, Any]:
        """Return the record extended with missing classes and fields; existing entries stay."""
        record = {name: dict(said) for name, said in self._record.items()}
        for kind in kinds:
            said = record.setdefault(_name(kind), {FIRST: list(kind.model_fields)})
            later = dict(said.get(LATER, {}))
            for name, field in kind.model_fields.items():
                if name not in said[FIRST] and name not in later and _has_default(field):
                    later[name] = self._plain(field.get_default(call_default_factory=True))
            if later:
                said[LATER] = later
        return record

    def _later(self, value: Any) -> Excluded:
        """Return the later fields in a value, at any depth, that have their default."""
        if type(value) in PLAIN:
            return {}
        if isinstance(value, BaseModel):
            return self._later_of(value)
        items: Iterable[tuple[Any, Any]] = ()
        if isinstance(value, Mapping):
            items = value.items()
        elif isinstance(value, list | tuple):
            items = enumerate(value)
        return {key: inside for key, item in items if (inside := self._later(item))}

    def _later_of(self, spec: BaseModel) -> Excluded:
        defaults = self._defaults_of(type(spec))
        excluded: Excluded = {}
        for name in type(spec).model_fields:
            value = getattr(spec, name)
            if name in defaults and json.dumps(self._plain(value)) == defaults[name]:
                excluded[name] = True
            elif inside := self._later(value):
                excluded[name] = inside
        return excluded

    def _defaults_of(self, kind: type[BaseModel]) -> Mapping[str, str]:
        """Return the later fields of a class, each with the default (as JSON) to leave out."""
        if kind not in self._defaults:
            said = self._record.get(_name(kind), {FIRST: list(kind.model_fields)})
            # A field that is not recorded yet is under development and has its current default.
            known, later = said.get(LATER, {}), {}
            for name, field in kind.model_fields.items():
                if name in known:
                    later[name] = json.dumps(known[name])
                elif name not in said[FIRST] and _has_default(field):
                    default = field.get_default(call_default_factory=True)
                    later[name] = json.dumps(self._plain(default))
            self._defaults[kind] = later
        return self._defaults[kind]

    def _plain(self, value: Any) -> Any:
        """Return a value as JSON, with its specs as keys use them."""
        if type(value) in PLAIN:
            return value
        if isinstance(value, BaseModel):
            return self.document(value)
        if isinstance(value, Mapping):
            return {str(key): self._plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._plain(item) for item in value]
        return to_jsonable_python(value)


@functools.cache
def shipped() -> Fields:
    """Return the content of `fields.json`."""
    return Fields(json.loads(FILE.read_text(encoding="utf-8")))


def document(spec: BaseModel) -> dict[str, Any]:
    """Return a spec as keys use it: a JSON document."""
    return shipped().document(spec)


def text(spec: BaseModel) -> str:
    """Return a spec as keys use it, as one text in which the order of mappings counts."""
    return shipped().text(spec)


def _name(kind: type[BaseModel]) -> str:
    return moved.first(f"{kind.__module__}:{kind.__qualname__}")


def _has_default(field: FieldInfo) -> bool:
    """Return whether a field has a default that does not depend on other fields."""
    return not field.is_required() and not field.default_factory_takes_validated_data
