"""MLflow's part of a legal deletion: the files of runs whose report was deleted."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.adapters.mlflow.client import REPORT, folder, is_empty, moved, opened, reset
from ml_assets.adapters.mlflow.model import drop_example
from ml_assets.store import sqlite
from ml_assets.store.home import Home

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MOST = 50_000
"""How many runs MLflow returns at once."""


def forget_runs(home: Home, digests: Collection[str]) -> int:
    """Remove every file but the model from runs with a forgotten report; return their number.

    The same applies to interrupted runs, which have no report, and to files that belong to no run;
    a model loses its example. Such a run is incomplete, and is published again if its model is
    still current. MLflow's other data (parameters, metrics, digests of inputs) contain no rows. In
    a copied home, whose paths lead elsewhere, all is removed and published again.
    """
    if is_empty(home):
        return 0
    if moved(home):
        reset(home)
        return 0
    client = opened(home)
    gone = _reports(home, digests)
    whole: set[str] = set()
    for run in _runs(client):
        report = run.data.tags.get(REPORT)
        if report is not None and report not in gone:
            whole.add(run.info.run_id)
        elif report is not None and run.info.lifecycle_stage == "active":
            client.delete_tag(run.info.run_id, REPORT)
    stripped = [place for place in _places(home) if place.name not in whole]
    for place in stripped:
        _strip(place / "artifacts")
    sqlite.rewrite(folder(home) / "mlflow.db")
    return len(stripped)


def _runs(client: MlflowClient) -> Iterator[Run]:
    """Yield every run, including those that somebody deleted on MLflow's page."""
    from mlflow.entities import ViewType

    for experiment in client.search_experiments(ViewType.ALL):
        yield from client.search_runs(
            [experiment.experiment_id], run_view_type=ViewType.ALL, max_results=MOST
        )


def _places(home: Home) -> Iterator[Path]:
    """Yield the folders of runs, except of experiments, which contain only scores of settings."""
    for path in (folder(home) / "artifacts").glob("*/*"):
        if path.is_dir() and not path.parent.name.endswith("-experiments"):
            yield path


def _strip(place: Path) -> None:
    for path in place.iterdir() if place.is_dir() else ():
        if path.name == "model":
            drop_example(path)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _reports(home: Home, digests: Collection[str]) -> set[str]:
    """Return the reports, as named in MLflow's runs, that have a forgotten object."""
    return {
        version.digest
        for asset in home.records.assets()
        if asset.endswith("/evaluation_report")
        for version in home.records.versions(asset)
        if any(ref.digest in digests for ref in version.outputs.values())
    }
