"""MLflow's part of a legal deletion: the files of runs whose report was deleted."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.adapters.mlflow import embedded, server
from ml_assets.adapters.mlflow.client import ENVIRONMENT, REPORT, opened
from ml_assets.adapters.mlflow.model import drop_example
from ml_assets.store import sqlite
from ml_assets.store.home import Home

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

MOST = 50_000
"""How many runs MLflow returns at once."""


def forget_runs(home: Home, digests: Collection[str]) -> int:
    """Remove every file but the model from runs with a forgotten report; return their number.

    The same applies to interrupted runs, which have no report, and to files that belong to no run;
    a model loses its example. Such a run is incomplete, and is published again if its model is
    still current. MLflow's other data (parameters, metrics, digests of inputs) contain no rows. In
    a copied home, whose paths lead elsewhere, all is removed and published again.
    """
    url = server.address()
    if not url and embedded.is_empty(home):
        return 0
    if not url and embedded.moved(home):
        embedded.reset(home)
        return 0
    client = opened(home)
    gone = _reports(home, digests)
    runs, whole = list(_runs(client, home.env if url else None)), set[str]()
    for run in runs:
        report = run.data.tags.get(REPORT)
        if report is not None and report not in gone:
            whole.add(run.info.run_id)
        elif report is not None and run.info.lifecycle_stage == "active":
            client.delete_tag(run.info.run_id, REPORT)
    if url:
        return sum(_strip_remote(run, url) for run in runs if run.info.run_id not in whole)
    stripped = [place for place in _places(home) if place.name not in whole]
    for place in stripped:
        _strip(place / "artifacts")
    sqlite.rewrite(embedded.folder(home) / "mlflow.db")
    return len(stripped)


def forget_all(home: Home) -> None:
    """Remove every run and model of the environment; what is current is published anew later."""
    url = server.address()
    if not url:
        embedded.reset(home)
        return
    client = opened(home)
    for model in client.search_registered_models(f"tags.`{ENVIRONMENT}` = '{home.env}'"):
        client.delete_registered_model(model.name)
    for run in _runs(client, home.env):
        files = _repository(run, url)
        for item in files.list_artifacts():
            files.delete_artifacts(item.path)
        if run.info.lifecycle_stage == "active":
            client.delete_run(run.info.run_id)


def _runs(client: MlflowClient, env: str | None) -> Iterator[Run]:
    """Yield every run, including those that somebody deleted on MLflow's page.

    With `env` only those of candidates of that environment, as others may share a server.
    """
    from mlflow.entities import ViewType

    for experiment in client.search_experiments(ViewType.ALL):
        if env is None or experiment.tags.get(ENVIRONMENT) == env:
            yield from client.search_runs(
                [experiment.experiment_id], run_view_type=ViewType.ALL, max_results=MOST
            )


def _repository(run: Run, url: str) -> ArtifactRepository:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(run.info.artifact_uri, tracking_uri=url)


def _strip_remote(run: Run, url: str) -> bool:
    """Strip a run whose files a server keeps; return whether it had any."""
    files = _repository(run, url)
    listed = [item.path for item in files.list_artifacts()]
    if "model" in listed:
        with tempfile.TemporaryDirectory() as aside:
            path = Path(files.download_artifacts("model", aside))
            drop_example(path)
            files.delete_artifacts("model")
            files.log_artifacts(str(path), "model")
    for name in listed:
        if name != "model":
            files.delete_artifacts(name)
    return bool(listed)


def _places(home: Home) -> Iterator[Path]:
    """Yield the folders of runs, except of experiments, which contain only scores of settings."""
    for path in (embedded.folder(home) / "artifacts").glob("*/*"):
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
