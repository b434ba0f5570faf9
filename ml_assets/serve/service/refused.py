"""A request that gets no prediction: its status, and what was wrong with it.

Nothing here repeats a value of a row: answers are logged by clients and proxies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from ml_assets.errors import DamagedObject
from ml_assets.stages.score.problems import Problem

AWAY = (DamagedObject, OSError, SQLAlchemyError)
"""What a home raises that cannot be read at this moment."""

MOST = 1000
"""Problems that are listed; an answer is not to be larger than its request."""


class Refused(Exception):
    """A request that gets no prediction."""

    def __init__(self, status: int, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.problems = problems

    def document(self) -> dict[str, Any]:
        """Return the body of the answer."""
        if not self.problems:
            return {"error": self.message}
        listed = [asdict(problem) for problem in self.problems[:MOST]]
        more = len(self.problems) - len(listed)
        return {"error": self.message, "problems": listed, **({"more": more} if more else {})}


def many_rows(most: int) -> Refused:
    """Return that there are more rows than one request may have."""
    return Refused(413, f"wanted at most {most:,} rows in one request")
