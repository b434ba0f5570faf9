"""Inputs and outputs of a stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import pyarrow as pa

Json = Any
"""A value that JSON can hold: None, bool, int, float (finite), str, list, dict with str keys."""
Content: TypeAlias = pa.Table | dict[str, Json] | list[Json] | bytes
"""What an output may be: a table, a JSON document, or bytes."""


class Handle(Protocol):
    """A lazy input: nothing is read before one of its methods is called."""

    @property
    def digest(self) -> str:
        """Content digest, `d1:…`."""

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the table, or only some of its columns."""

    def json(self) -> Json:
        """Return the JSON document."""

    def bytes(self) -> bytes:
        """Return the bytes."""


@dataclass(frozen=True)
class Check:
    """One verdict; failed, not applicable and crashed are three different outcomes.

    `passed` is None if the check does not apply (and `description` says why);
    a check that crashes raises.
    """

    name: str
    passed: bool | None
    description: str
    severity: Literal["error", "warn"] = "error"
    metadata: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """Outputs by name, and facts about them that are not content (row counts, curves)."""

    outputs: Mapping[str, Content]
    metadata: Mapping[str, Json] = field(default_factory=dict)
    checks: Sequence[Check] = ()
