"""Promotions that are killed before each of their writes, each in a forked process.

    python -m ml_assets_tests.graph.killed_promotion command MODEL
    python -m ml_assets_tests.graph.killed_promotion run MODEL

Run in a project whose home holds v0 and v1 of a candidate: for `command` it goes back and forth
between them, for `run` v0 is champion and v1 is not decided. Prints one JSON document a line: at
which write the promotion was killed, whether the plan knew it, and what log, MLflow and Dagster say
after it was shown once more; for `run` what each run wrote before it was killed, and last what is
said. What is wrapped is called as it is; MLflow is written to from the process that is killed.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
from mlflow import MlflowClient

from ml_assets.adapters.mlflow.aliases import show_log
from ml_assets.adapters.mlflow.embedded import tracking_uri
from ml_assets.cli.run import materialize
from ml_assets.engine.plan import Planner, planner_here
from ml_assets.graph import resource as engine
from ml_assets.graph.champion import show
from ml_assets.graph.instance import open_instance
from ml_assets.history.decisions import candidate_named
from ml_assets.store import promotions
from ml_assets.store.promotions import MOVES, PROMOTED, ROLLED_BACK, Promotions
from ml_assets_tests import warm

MATERIALIZED = "ASSET_MATERIALIZATION"


class InProcess:
    """Shows the log in MLflow from this process, so that one kill ends all."""

    def __init__(self, _workspace: object = None) -> None:
        self._planner = planner_here()

    def start(self) -> None:
        """Nothing is to be started."""

    def close(self) -> None:
        """Close the home."""
        self._planner.home.close()

    def show_log(self, model: str) -> object:
        """Show it."""
        return show_log(self._planner.home, self._planner.project, model)


def _killed_at(count: int, note: Path, kinds: bool = False) -> None:
    """Let this process kill itself before its n-th write, or kind of write; note their names."""
    passed = [""]

    def before(owner: Any, attribute: str, counts: Callable[..., bool] = lambda *_: True) -> None:
        real = getattr(owner, attribute)

        def wrapped(*arguments: Any, **options: Any) -> Any:
            if counts(*arguments):
                with note.open("a") as file:
                    file.write(f"{attribute}\n")
                if not kinds or passed[-1] != attribute:
                    passed.append(attribute)
                if len(passed) > count:
                    os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        setattr(owner, attribute, wrapped)

    before(promotions, "_write")
    before(Promotions, "append")
    before(Promotions, "mark_shown")
    before(dg.DagsterInstance, "report_runless_asset_event")
    before(dg.DagsterInstance, "handle_new_event", _materialized)
    for name in (
        "set_registered_model_alias",
        "delete_registered_model_alias",
        "set_model_version_tag",
        "update_model_version",
    ):
        before(MlflowClient, name)


def _materialized(_instance: object, event: dg.EventLogEntry, *_more: object) -> bool:
    """Tell whether an event says in a run that an asset was made; the runless are above."""
    told = event.dagster_event
    return bool(event.run_id) and told is not None and told.event_type_value == MATERIALIZED


def _forked(work: Callable[[], object]) -> int:
    """Do a piece of work in a forked process; return the signal that ended it, or its code."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _command(model: str, count: int, note: Path) -> None:
    """Promote v1, or roll back to v0, as the commands do."""
    planner = planner_here()
    log, env = planner.home.promotions, planner.home.env
    champion = log.champion(env, model)
    number = 1 if champion is None or champion.version == 0 else 0
    target = candidate_named(planner.home, model, f"v{number}")
    _killed_at(count, note)
    log.append(
        env,
        model,
        action=PROMOTED if number else ROLLED_BACK,
        version=target.number,
        digest=target.digest,
        expected=None if champion is None else champion.digest,
        actor="test",
        reason=f"kill {count}",
    )
    show(planner, model, InProcess())


def _run(model: str, count: int, note: Path) -> None:
    """Let a run decide and promote."""
    _killed_at(count, note, kinds=True)
    done = materialize(planner_here(), f"{model}/champion")
    if not done["success"]:
        sys.exit(str(done["faults"]))


def _said(planner: Planner, model: str) -> dict[str, Any]:
    """Return who is champion by the log, by MLflow and by Dagster."""
    home = planner.home
    entries = home.promotions.verify(home.env, model)
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
        "moved": [e.version for e in entries if e.action in MOVES],
    }


def _unfinished(planner: Planner, model: str) -> bool:
    found = planner.plan(f"{model}/champion", look=False)
    return [str(item.cell) for item in found.todo] == [f"{model}/champion"]


def _commands(model: str, note: Path) -> None:
    """Kill one promotion after the other, each of the version that is not champion."""
    for count in itertools.count(1):
        ended = _forked(lambda at=count: _command(model, at, note))
        planner = planner_here()
        unfinished = _unfinished(planner, model)
        if unfinished:
            show(planner, model, InProcess())
        _tell(planner, model, note, ended=ended, unfinished=unfinished)
        if ended != signal.SIGKILL:
            break


def _runs(model: str, note: Path) -> None:
    """Kill a run before its second kind of write, then the next in the same home, until one ends.

    So each kind is the last of one run, and every run goes on from where the one before was. The
    command's promotions are killed before every single write.
    """
    engine.Publisher = InProcess  # type: ignore[misc, assignment]
    for name in (*warm.IMPORTED, "ml_assets.graph.build", "ml_assets.graph.execute"):
        importlib.import_module(name)
    count, written = 1, [""]
    while True:
        ended = _forked(lambda at=count: _run(model, at, note))
        before, written = written, note.read_text().split()
        print(json.dumps({"wrote": written[:-1], "at": written[-1], "ended": ended}), flush=True)
        note.unlink()
        if ended != signal.SIGKILL:
            break
        # What is shown in Dagster and not marked as shown is shown again: one write further.
        count = 3 if written == before else 2
    note.write_text(written[-1])
    _tell(planner_here(), model, note, ended=ended)


def _tell(planner: Planner, model: str, note: Path, **more: object) -> None:
    """Print what is so after a killed promotion was completed."""
    at, left = note.read_text().split()[-1], _unfinished(planner, model)
    print(json.dumps({"at": at, **more, "left": left, **_said(planner, model)}), flush=True)
    note.unlink()
    planner.home.close()


def main() -> None:
    """Kill at one write after the other, until a promotion comes through."""
    what, model = sys.argv[1:]
    planner = planner_here()
    note = planner.home.root / "passed.txt"
    planner.home.close()
    {"command": _commands, "run": _runs}[what](model, note)


if __name__ == "__main__":
    main()
