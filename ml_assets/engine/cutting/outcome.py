"""What became of a file that was cut into batches.

Belongs here: what landing tells of it, without the libraries that cutting takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FORGOTTEN = "this content was deleted by `ml-assets forget` and cannot land again"


@dataclass(frozen=True)
class Change:
    """A batch that a delivery made or changed, in rows."""

    batch: str
    before: int
    after: int
    added: int
    replaced: int = 0
    gone: int = 0


@dataclass
class CutFile:
    """What became of a file."""

    file: str
    rows: int
    changes: list[Change] = field(default_factory=list)
    """In calendar order."""
    same: int = 0
    """Batches of the file whose rows had landed before."""
    nameless: Mapping[str, int] = field(default_factory=dict)
    """What stands where a batch should, and how often, a few of them."""
