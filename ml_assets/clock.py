"""What time it is: the machine's clock, or one that a demo or a test moves.

Belongs here: the time that people see and that days, retention and policies go by. Does not belong
here: how long something takes, whether a process is alive, when to try again: the machine's clock.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from ml_assets.errors import RequestError

CLOCK = "ML_ASSETS_CLOCK"
"""The environment variable with the path of a file that holds a time."""


def now() -> datetime:
    """Return the time (UTC).

    With ML_ASSETS_CLOCK it is the time in that file, plus what has passed since it was written. All
    processes that read the file agree, and a file that is written anew moves them all. RequestError
    if there is no time in it.
    """
    path = os.environ.get(CLOCK)
    return datetime.now(UTC) if not path else _moved(Path(path))


def _moved(path: Path) -> datetime:
    try:
        text, written = path.read_text(), path.stat().st_mtime
        start = datetime.fromisoformat(text.strip())
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "it holds no time"
        raise RequestError(
            f"{CLOCK} names {path}: {said}; wanted a file with a time such as "
            "2013-07-01T12:00:00+00:00, or no such variable"
        ) from None
    if start.tzinfo is None:
        start = start.replace(tzinfo=UTC)
    passed = max(time.time() - written, 0.0)
    return datetime.fromtimestamp(start.timestamp() + passed, UTC)


def move(path: Path, moment: datetime) -> None:
    """Set the clock in a file, whole or not at all."""
    aside = path.with_name(f"{path.name}.new")
    aside.write_text(moment.isoformat())
    aside.replace(path)
