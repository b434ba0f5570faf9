"""Claims: which project of a home makes a dataset or model, and the spec by which it cleaned last.

Each environment has its own. They are rows of the settings: a claim is a setting that the last
plan of its project made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select

from ml_assets.store.state import State, dump, insert_missing, load, settings

PREFIX = "project:"
"""How the keys of claims start; the rest is the dataset or model."""


class Claims:
    """The claims of an environment of a home."""

    def __init__(self, state: State, env: str) -> None:
        self._state = state
        self._env = env

    def read(self) -> dict[str, dict[str, Any]]:
        """Return what each dataset and model is claimed as, by its name."""
        with self._state.read() as db:
            return {name: load(text) for name, text in self._texts(db).items()}

    def keep(self, claims: Mapping[str, Mapping[str, Any]]) -> None:
        """Claim datasets and models, in place of what was claimed of them."""
        texts = {name: dump(claim) for name, claim in claims.items()}
        with self._state.read() as db:
            before = self._texts(db)
        changed = {name: text for name, text in texts.items() if before.get(name) != text}
        if not changed:
            return
        rows = [
            {"env": self._env, "key": PREFIX + name, "value": text}
            for name, text in changed.items()
        ]
        with self._state.write() as db:
            for row in rows:
                mine = (settings.c.env == self._env, settings.c.key == row["key"])
                db.execute(delete(settings).where(*mine))
            insert_missing(db, settings, rows)

    def _texts(self, db: Connection) -> dict[str, str]:
        rows = db.execute(
            select(settings.c.key, settings.c.value)
            .where(settings.c.env == self._env, settings.c.key.startswith(PREFIX, autoescape=True))
            .order_by(settings.c.key)
        )
        return {row.key.removeprefix(PREFIX): row.value for row in rows}
