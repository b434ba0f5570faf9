"""Promotions that are killed before each of their writes, each in a forked process.

    python -m ml_assets_tests.graph.killed_promotion MODEL

Run in a project whose home holds v0 and v1 of a candidate. Prints one JSON document a line: at
which write the promotion was killed, whether the plan knew it, and what log, MLflow and Dagster
say after it was shown once more. What is wrapped is called as it is: nothing is replaced.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import dagster as dg
from mlflow import MlflowClient

from ml_assets.adapters.aliases import show_log
from ml_assets.adapters.mlflow import tracking_uri
from ml_assets.graph.champion import show
from ml_assets.graph.instance import open_instance
from ml_assets.plan.plan import Planner, planner_here
from ml_assets.plan.promote import candidate_named
from ml_assets.store import promotions
from ml_assets.store.promotions import PROMOTED, Promotions


class InProcess:
    """Shows the log in MLflow from this process, so that one kill ends all."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    def show_log(self, model: str) -> object:
        """Show it."""
        return show_log(self._planner.home, self._planner.project, model)


def _killed_at(count: int, note: Path) -> None:
    """Let this process kill itself before its n-th write; note the name of each."""
    numbers = itertools.count(1)

    def before(owner: Any, attribute: str) -> None:
        real = getattr(owner, attribute)

        def wrapped(*arguments: Any, **options: Any) -> Any:
            with note.open("a") as file:
                file.write(f"{attribute}\n")
            if next(numbers) == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        setattr(owner, attribute, wrapped)

    before(promotions, "_write")
    before(Promotions, "append")
    before(Promotions, "mark_shown")
    before(dg.DagsterInstance, "report_runless_asset_event")
    for name in (
        "set_registered_model_alias",
        "delete_registered_model_alias",
        "set_model_version_tag",
        "update_model_version",
    ):
        before(MlflowClient, name)


def _promote(model: str, count: int, note: Path) -> int:
    """Promote the other version in a forked process; return the signal that ended it, or 0."""
    child = os.fork()
    if child == 0:
        planner = planner_here()
        log, env = planner.home.promotions, planner.home.env
        champion = log.champion(env, model)
        number = 1 if champion is None or champion.version == 0 else 0
        target = candidate_named(planner.home, model, f"v{number}")
        _killed_at(count, note)
        log.append(
            env,
            model,
            action=PROMOTED,
            version=target.number,
            digest=target.digest,
            expected=None if champion is None else champion.digest,
            actor="test",
            reason=f"kill {count}",
        )
        show(planner, model, InProcess(planner))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _said(planner: Planner, model: str) -> dict[str, Any]:
    """Return who is champion by the log, by MLflow and by Dagster."""
    home = planner.home
    champion = home.promotions.champion(home.env, model)
    assert champion is not None
    client = MlflowClient(tracking_uri(home), tracking_uri(home))
    version = client.get_model_version_by_alias(f"{model}-{home.env}", "champion")
    with open_instance(planner.workspace) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey([model, "champion"]))
    assert event is not None
    assert event.asset_materialization is not None
    told = event.asset_materialization.metadata["champion"].value
    return {
        "log": f"v{champion.version} {champion.entry}",
        "mlflow": f"{version.tags['ml_assets.version']} {version.tags['ml_assets.log_entry']}",
        "dagster": f"{str(told).split()[0].rstrip(',')} {str(told).split()[-1].rstrip(')')}",
    }


def _unfinished(planner: Planner, model: str) -> bool:
    found = planner.plan(f"{model}/champion", look=False)
    return [str(item.cell) for item in found.todo] == [f"{model}/champion"]


def main() -> None:
    """Kill at one write after the other, until a promotion comes through."""
    model = sys.argv[1]
    note = planner_here().home.root / "passed.txt"
    for count in itertools.count(1):
        note.unlink(missing_ok=True)
        ended = _promote(model, count, note)
        planner = planner_here()
        unfinished = _unfinished(planner, model)
        if unfinished:
            show(planner, model, InProcess(planner))
        found = {
            "at": note.read_text().split()[-1],
            "ended": ended,
            "unfinished": unfinished,
            "left": _unfinished(planner, model),
            **_said(planner, model),
        }
        print(json.dumps(found), flush=True)
        planner.home.close()
        if ended != signal.SIGKILL:
            break


if __name__ == "__main__":
    main()
