"""Ids of requests: UUIDs of version 7 (RFC 9562), which sort by time and cannot be guessed."""

from __future__ import annotations

import secrets
import uuid

DRAWN = 62
"""Random bits of an id's end."""


def new_id(nanoseconds: int) -> uuid.UUID:
    """Return a new id for a time since the epoch."""
    drawn = secrets.randbits(12 + DRAWN)
    high, low = drawn >> DRAWN, drawn & ((1 << DRAWN) - 1)
    milliseconds = (nanoseconds // 1_000_000) & ((1 << 48) - 1)
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)


def share(request: uuid.UUID) -> float:
    """Return a number of [0, 1) that the id has at random, for drawing a sample."""
    return (request.int & ((1 << DRAWN) - 1)) / (1 << DRAWN)
