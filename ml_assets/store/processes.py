"""Which process works on which run, to detect a run whose process has ended."""

from __future__ import annotations

import socket

import psutil
from sqlalchemy import delete, select

from ml_assets.store.home import Home
from ml_assets.store.state import insert_missing, processes


def record_process(home: Home, run_id: str, host: str, pid: int, started: float) -> None:
    """Record the process of a run; `started` is its start time in seconds since the epoch."""
    row = {"run_id": run_id, "env": home.env, "host": host, "pid": pid, "started": started}
    with home.state.write() as db:
        db.execute(delete(processes).where(processes.c.run_id == run_id))
        insert_missing(db, processes, [row])


def process_gone(home: Home, run_id: str) -> bool | None:
    """Return whether a run's process has ended; None if unknown or on another machine."""
    with home.state.read() as db:
        row = db.execute(select(processes).where(processes.c.run_id == run_id)).one_or_none()
    if row is None or row.host != socket.gethostname():
        return None
    try:
        process = psutil.Process(row.pid)
        same = abs(process.create_time() - row.started) < 1.0
        return not same or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
