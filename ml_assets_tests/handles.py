"""Inputs for stage tests: a value that behaves like a stored object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ml_assets.stages.result import Content


@dataclass(frozen=True)
class Given:
    """A Handle over a value in memory; counts how often it was read."""

    content: Content
    digest: str = "d1:given"

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the table, or only some of its columns."""
        assert isinstance(self.content, pa.Table)
        return self.content if columns is None else self.content.select(list(columns))

    def json(self) -> Any:
        """Return the JSON document."""
        assert isinstance(self.content, (dict, list))
        return self.content

    def bytes(self) -> bytes:
        """Return the bytes."""
        assert isinstance(self.content, bytes)
        return self.content


def given(content: Content, digest: str = "d1:given") -> Given:
    """Wrap a value as a Handle."""
    return Given(content, digest)
