from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pytest

from ml_assets.adapters.mlflow import client as adapter
from ml_assets.adapters.mlflow import embedded
from ml_assets.adapters.mlflow.process import Publisher
from ml_assets.errors import PublishError
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace
from ml_assets_tests.adapters.world import MODEL, OWN, make_world, materialize

Opens = Callable[[Workspace], Home]


def test_the_parent_imports_no_mlflow() -> None:
    code = (
        "import sys, ml_assets.adapters.mlflow.process, ml_assets.adapters.mlflow.client;"
        "sys.exit('mlflow' in sys.modules or 'pandas' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_moved_home_is_refused_until_it_is_reset_then_published_anew(
    workspace: Workspace, opens: Opens
) -> None:
    home = opens(workspace)
    embedded.folder(home).mkdir(parents=True)
    (embedded.folder(home) / "home.txt").write_text("/elsewhere/mlflow")
    with Publisher(workspace) as publisher:
        with pytest.raises(PublishError, match=r"delay was not published to MLflow: .*moved"):
            publisher.publish(MODEL)
        embedded.reset(home)
        first = publisher.publish(MODEL, "dagster-7")
        assert first["version"] == 1
        assert first["new"]
        with pytest.raises(PublishError, match="no model named 'dela'; did you mean 'delay'"):
            publisher.publish("dela")
        assert publisher.publish(MODEL) == {**first, "new": False}
    run = adapter.opened(home).get_run(first["mlflow_run_id"])
    assert run.data.tags["dagster.run_id"] == "dagster-7"


def test_a_family_of_your_own(
    tmp_path: Path, opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_world(tmp_path, package="own_project", families=OWN)
    materialize(workspace)
    with Publisher(workspace) as publisher:
        answer = publisher.publish(MODEL)
    home = opens(workspace)
    place = embedded.folder(home) / "artifacts" / answer["name"] / answer["mlflow_run_id"]
    monkeypatch.syspath_prepend(str(tmp_path))
    model = mlflow.pyfunc.load_model(str(place / "artifacts" / "model"))
    held = home.records.current("dev", f"{MODEL}/features", "day8")
    assert held is not None
    frame = home.objects.table(held.digest, ["wind"]).to_pandas()
    assert np.array_equal(model.predict(frame), 3.0 * np.nan_to_num(frame["wind"].to_numpy()))


def test_a_wrong_spec_is_said(workspace: Workspace) -> None:
    (workspace.defs / MODEL / "defs.yaml").write_text("type: ml_assets.TabularModel\n")
    with (
        Publisher(workspace) as publisher,
        pytest.raises(PublishError, match=r"not published to MLflow: .*defs.yaml:1: "),
    ):
        publisher.publish(MODEL)


def test_a_process_that_takes_too_long(workspace: Workspace) -> None:
    publisher = Publisher(workspace, patience=0.01)
    with pytest.raises(PublishError, match=r"not published to MLflow: no answer within 0.01 s"):
        publisher.publish(MODEL)
    publisher.close()
