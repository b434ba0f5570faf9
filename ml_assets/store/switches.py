"""Switches of an environment that outlive a process: whether the sensor is paused."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, select

from ml_assets.store.home import Home
from ml_assets.store.state import insert_missing, settings


def paused(home: Home) -> bool:
    """Tell whether the sensor is paused in this environment."""
    with home.state.read() as db:
        return db.execute(select(settings).where(*_mine(home))).first() is not None


def set_paused(home: Home, value: bool) -> None:
    """Pause or resume the sensor."""
    with home.state.write() as db:
        db.execute(delete(settings).where(*_mine(home)))
        if value:
            insert_missing(db, settings, [{"env": home.env, "key": "paused", "value": "true"}])


def _mine(home: Home) -> tuple[ColumnElement[bool], ...]:
    return settings.c.env == home.env, settings.c.key == "paused"
