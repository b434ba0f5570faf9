"""The sensor's checks for work: a plan in a fresh process, and the remembered result.

Planning takes a process some seconds, and a tick comes every five. So while nothing changes, the
last result stays valid: there is nothing to do; a run failed and the next is not due yet; or
planning failed, which is tried again after a wait that doubles each time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import dagster as dg

from ml_assets import clock
from ml_assets.engine.fingerprint import changing, fingerprint
from ml_assets.errors import MlAssetsError
from ml_assets.graph.runs import tried
from ml_assets.store.digest import json_digest
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace

LONGEST_PLAN = 50.0
"""How many seconds planning may take; Dagster allows 60 for a tick."""
QUIET = 3.0
"""How many seconds sources must be unchanged before an edit takes effect."""
BACKOFF = (30.0, 3600.0)
"""First and longest wait in seconds after a failure; doubled each time."""


@dataclass(frozen=True)
class Look:
    """The result of planning for one state of its dependencies, as stored in the cursor."""

    seen: str = ""
    """The fingerprint of that state."""
    said: str = ""
    wanted: str = ""
    """The digest of the wanted state if there is work to do."""
    tries: int = 0
    """Number of consecutive planning failures."""
    again: float = 0.0
    """Time of the next attempt, in seconds since the epoch."""
    due: float = 0.0
    """When to plan again though nothing changes, in seconds since the epoch; 0 for never."""

    @classmethod
    def of(cls, cursor: str | None) -> Look:
        """Return the look stored in a cursor; an empty one if there is none."""
        try:
            return cls(**json.loads(cursor or "{}"))
        except (ValueError, TypeError):
            # Written by an older ml_assets.
            return cls()

    def keep(self, context: dg.SensorEvaluationContext) -> None:
        """Store this look for the next ticks."""
        context.update_cursor(json.dumps(asdict(self)))

    def still(self, instance: dg.DagsterInstance) -> str | None:
        """Return why planning is skipped while nothing changes; None if it is due."""
        if self.due and clock.now().timestamp() >= self.due:
            return None
        if self.tries:
            left = self.again - time.time()
            return f"{self.said}; the next attempt is in {left:.0f} s" if left > 0 else None
        if self.wanted:
            wait = backoff(instance, self.wanted)
            return None if wait is None else wait + self.said
        return f"no changes since the last check, and nothing to do{self.said}"

    def failed(self, seen: str, said: str) -> Look:
        """Return the look after this one, if planning failed."""
        tries = self.tries + 1 if self.seen == seen else 1
        return Look(seen, said, tries=tries, again=time.time() + _pause(tries))


_crashed: list[Look] = []
"""The last look, if its plan crashed: Dagster stores no cursor of a failed tick."""


def look(
    context: dg.SensorEvaluationContext, workspace: Workspace, home: Home, loaded: str
) -> tuple[str, dict[str, Any]] | str:
    """Return the fingerprint and the plan's document, or why there is no plan.

    `loaded` is the digest of this process's definitions, which is compared too. Raises
    MlAssetsError if planning crashed.
    """
    seen = json_digest([fingerprint(workspace, home), loaded])
    last = next((past for past in _crashed if past.seen == seen), Look.of(context.cursor))
    if last.seen == seen:
        reason = last.still(context.instance)
        if reason is not None:
            return reason
    if changing(workspace, QUIET) is not None:
        return "sources or libraries are being changed; waiting until they are stable"
    try:
        document = _plan()
    except MlAssetsError as error:
        _crashed[:] = [last.failed(seen, str(error))]
        raise
    _crashed.clear()
    if isinstance(document, str):
        last.failed(seen, document).keep(context)
        return document
    return seen, document


def _plan() -> dict[str, Any] | str:
    """Plan in a fresh process, because this one keeps the code it has already imported."""
    command = [sys.executable, "-m", "ml_assets.cli.main", "plan", "--json"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=LONGEST_PLAN
        )
    except subprocess.TimeoutExpired:
        return f"planning took longer than {LONGEST_PLAN:.0f} s; `ml-assets run` has no such limit"
    if done.returncode == 2:
        return f"cannot plan: {done.stderr.strip()[-2000:]}"
    if done.returncode != 0:
        raise MlAssetsError(f"planning failed:\n{done.stderr[-4000:]}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def expire() -> str | None:
    """Remove days of requests that are older than they are kept; return why not, if it fails."""
    command = [sys.executable, "-m", "ml_assets.cli.main", "requests", "expire", "--json"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=LONGEST_PLAN
        )
    except subprocess.TimeoutExpired:
        return f"removing old requests took longer than {LONGEST_PLAN:.0f} s"
    if done.returncode != 0:
        return f"old requests cannot be removed: {done.stderr.strip()[-2000:]}"
    return None


def backoff(instance: dg.DagsterInstance, wanted: str) -> str | None:
    """Return why no run is requested for this wanted state now, None if one is."""
    before = tried(instance, wanted)
    if not before:
        return None
    newest = before[0]
    status = newest.dagster_run.status
    if status == dg.DagsterRunStatus.CANCELED:
        return "its run was cancelled; it is requested again when something changes"
    failures = sum(r.dagster_run.status == dg.DagsterRunStatus.FAILURE for r in before)
    ended = newest.end_time or newest.update_timestamp.timestamp()
    left = ended + _pause(failures) - time.time()
    if left <= 0:
        return None
    if failures:
        said = "failed once" if failures == 1 else f"failed {failures} times"
    else:
        said = "its run ended without finishing all of it"
    return f"{said}; the next attempt is in {left:.0f} s"


def _pause(failures: int) -> float:
    first, longest = BACKOFF
    return float(min(first * 2 ** max(failures - 1, 0), longest))
