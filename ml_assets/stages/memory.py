"""A value in memory as an input of a stage.

Belongs here: the substitute of a stored object. Does not belong here: the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class InMemory:
    """A `Handle` on a table, a JSON document or bytes."""

    content: Any
    digest: str = ""

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the table, or only some of its columns."""
        return self.content if columns is None else self.content.select(list(columns))

    def json(self) -> Any:
        """Return the JSON document."""
        return self.content

    def bytes(self) -> bytes:
        """Return the bytes."""
        return bytes(self.content)
