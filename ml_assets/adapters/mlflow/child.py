"""The publisher's side: a child process, started by `process`, that publishes to MLflow.

It imports mlflow and opens the database at once, then answers `{"model": …, "run_id": …}` for a
candidate, `{"model": …, "log": true}` for the promotion log, or `{"experiment": …}`.
Belongs here: the child's side. Does not belong here: the parent's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_assets.adapters.mlflow import experiments
from ml_assets.adapters.mlflow.aliases import show_log
from ml_assets.adapters.mlflow.client import opened, publish
from ml_assets.errors import MlAssetsError, SpecError
from ml_assets.spec.project import Project, read_valid
from ml_assets.store.home import Home
from ml_assets.workspace import locate


def answering(defs: str) -> Callable[[Any], dict[str, Any]]:
    """Open the home of a project's specs; return the function that answers requests about it."""
    workspace = locate(Path(defs))
    # A wrong spec of another model does not matter here.
    home = workspace.open_home()
    project, wrong = read_valid(workspace.defs, home.claims.read)
    with contextlib.suppress(MlAssetsError):
        # A failure is reported in the answer to the first request.
        opened(home)
    return lambda request: _answer(home, project, wrong, request)


def _answer(
    home: Home, project: Project, wrong: Mapping[str, Sequence[str]], request: Any
) -> dict[str, Any]:
    if "experiment" in request:
        return experiments.log(home, request["experiment"])
    if request["model"] in wrong:
        raise SpecError("\n".join(wrong[request["model"]]))
    if request.get("log"):
        return show_log(home, project, request["model"])
    return publish(home, project, request["model"], request.get("run_id"))
