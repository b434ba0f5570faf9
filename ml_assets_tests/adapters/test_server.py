"""Publishing to a real MLflow server, whose database is in Postgres and whose files are in S3."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mlflow.artifacts
import mlflow.pyfunc
import pandas as pd
import pytest
from mlflow import MlflowClient

from ml_assets.adapters.mlflow import client as adapter
from ml_assets.adapters.mlflow import embedded, server
from ml_assets.adapters.mlflow.forget import forget_all, forget_runs
from ml_assets.adapters.mlflow.process import Publisher
from ml_assets.children.ports import free_port
from ml_assets.errors import HomeError, PublishError
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace
from ml_assets_tests.adapters.world import MODEL
from ml_assets_tests.shared import postgres, s3

Opens = Callable[[Workspace], Home]
NAME = f"{MODEL}-dev"


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Start an MLflow server; return its address."""
    port = free_port()
    with postgres() as cluster, s3() as environ:
        words = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
        store = cluster.url().replace("postgresql://", "postgresql+psycopg2://")
        words += ["--backend-store-uri", store, "--artifacts-destination", "s3://team/mlflow"]
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (folder / "mlflow.log").open("wb") as log:
            child = subprocess.Popen(
                words, cwd=folder, env={**os.environ, **environ, **quiet}, stdout=log, stderr=log
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _until_healthy(child, url, folder)
            yield url
        finally:
            child.terminate()
            child.wait(60)


def _until_healthy(child: subprocess.Popen[bytes], url: str, folder: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert child.poll() is None, (folder / "mlflow.log").read_text()
        with suppress(OSError):
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            return
        time.sleep(0.2)
    pytest.fail("the MLflow server does not answer")


@pytest.mark.slow
def test_a_candidate_is_published_forgotten_and_published_again(
    workspace: Workspace, opens: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as url:
        monkeypatch.setenv(server.MLFLOW, url + "/")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        with Publisher(workspace) as publisher:
            first = publisher.publish(MODEL)
            assert publisher.publish(MODEL) == {**first, "new": False}
        home = opens(workspace)
        assert (first["name"], first["version"], first["new"]) == (NAME, 1, True)
        assert not embedded.folder(home).exists()
        assert not adapter.moved(home)
        client = MlflowClient(url, url)
        run = client.get_run(first["mlflow_run_id"])
        assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
        model = mlflow.pyfunc.load_model(f"models:/{NAME}@candidate")
        wanted = model.predict(_row(client))
        files = _files(client, run.info.run_id)
        assert {name.partition("/")[0] for name in files} > {"model", "plots"}

        report = home.records.current(home.env, f"{MODEL}/evaluation_report")
        assert report is not None
        gone = {ref.digest for ref in report.outputs.values()}
        assert forget_runs(home, gone) == 1
        left = _files(client, run.info.run_id)
        assert left == {n for n in files if n.startswith("model/") and "example" not in n}
        again = mlflow.pyfunc.load_model(f"models:/{NAME}@candidate")
        assert again.predict(_row(client)).tolist() == wanted.tolist()

        forget_all(home)
        assert client.search_registered_models() == []
        assert _files(client, run.info.run_id) == set()
        with Publisher(workspace) as publisher:
            anew = publisher.publish(MODEL)
        assert anew["new"]
        assert anew["mlflow_run_id"] != first["mlflow_run_id"]


def _files(client: MlflowClient, run_id: str, path: str | None = None) -> set[str]:
    """Return the files of a run; some stores keep folders without any."""
    found = set[str]()
    for item in client.list_artifacts(run_id, path):
        found |= _files(client, run_id, item.path) if item.is_dir else {item.path}
    return found


def _row(client: MlflowClient) -> pd.DataFrame:
    """Return a row of missing values, one for each of the model's inputs."""
    version = client.get_model_version_by_alias(NAME, "candidate")
    schema = mlflow.models.get_model_info(version.source).signature.inputs
    return pd.DataFrame([dict.fromkeys(schema.input_names())])


def test_a_server_that_is_away_is_said(
    workspace: Workspace, opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv(server.MLFLOW, url)
    with (
        Publisher(workspace) as publisher,
        pytest.raises(
            PublishError,
            match=rf"the MLflow server {url} \(ML_ASSETS_MLFLOW\) cannot be used: .*; once it can",
        ),
    ):
        publisher.publish(MODEL)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("mlflow:5000", "wanted the address of an MLflow server"),
        ("sqlite:///x.db", "wanted the address of an MLflow server"),
        ("http://ann:secret@mlflow", "holds a name or a password"),
    ],
)
def test_what_is_no_address(given: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(server.MLFLOW, given)
    with pytest.raises(HomeError, match=said) as raised:
        server.address()
    assert "secret" not in str(raised.value)
