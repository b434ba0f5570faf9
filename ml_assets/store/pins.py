"""Pins: earlier results that an environment fixed when it first used them.

Only a named command changes a pin; otherwise a late batch would change results that were
already reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select

from ml_assets.store.state import State, dump, insert_missing, load, settings

PREFIX = "pin:"


class Pins:
    """The pins of a home, each environment's own."""

    def __init__(self, state: State) -> None:
        self._state = state

    def get(self, env: str, name: str) -> Any:
        """Return what is pinned under a name, or None."""
        mine = (settings.c.env == env, settings.c.key == PREFIX + name)
        with self._state.read() as db:
            text = db.execute(select(settings.c.value).where(*mine)).scalar()
        return None if text is None else load(text)

    def of(self, env: str, start: str) -> dict[str, Any]:
        """Return what is pinned under every name that starts with this."""
        like = settings.c.key.startswith(PREFIX + start, autoescape=True)
        with self._state.read() as db:
            rows = db.execute(
                select(settings.c.key, settings.c.value).where(settings.c.env == env, like)
            ).all()
        return {row.key.removeprefix(PREFIX): load(row.value) for row in rows}

    def replace(self, env: str, pins: Mapping[str, Any]) -> None:
        """Pin values (as JSON) under names, in place of what was pinned."""
        with self._state.write() as db:
            for name, value in pins.items():
                mine = (settings.c.env == env, settings.c.key == PREFIX + name)
                db.execute(delete(settings).where(*mine))
                insert_missing(
                    db, settings, [{"env": env, "key": PREFIX + name, "value": dump(value)}]
                )

    def keep(self, env: str, pins: Mapping[str, Any]) -> None:
        """Pin values (as JSON) under names; existing pins stay."""
        rows = [
            {"env": env, "key": PREFIX + name, "value": dump(value)} for name, value in pins.items()
        ]
        if rows:
            with self._state.write() as db:
                insert_missing(db, settings, rows)

    def drop(self, env: str, start: str) -> list[str]:
        """Remove every pin whose name starts with this; return the names."""
        like = settings.c.key.startswith(PREFIX + start, autoescape=True)
        with self._state.write() as db:
            keys = db.execute(select(settings.c.key).where(settings.c.env == env, like))
            dropped = sorted(keys.scalars())
            db.execute(delete(settings).where(settings.c.env == env, like))
        return [key.removeprefix(PREFIX) for key in dropped]
