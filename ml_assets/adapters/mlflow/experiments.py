"""Experiments in MLflow: a run for each experiment, with a nested run for each variation.

Runs are looked up by digest before they are created, so a repeated experiment adds nothing and an
interrupted one is completed. All are in the MLflow experiment `<model>-<env>-experiments`, separate
from the candidates. Belongs here: writing to MLflow. Does not belong here: fitting, ranking.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.adapters.mlflow.client import DIGEST, new_experiment, opened
from ml_assets.store import temporary
from ml_assets.store.home import Home

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PARENT = "mlflow.parentRunId"
"""The tag with which MLflow nests runs."""
ENDED = ("FINISHED", "FAILED")


def log(home: Home, document: Mapping[str, Any]) -> dict[str, Any]:
    """Publish an experiment, given as its `--json` document; return `experiment` and `run_id`.

    Raises PublishError if MLflow's database cannot be used.
    """
    client = opened(home)
    name = f"{document['model']}-{home.env}-experiments"
    experiment = _experiment(client, home, name)
    tags = {"ml_assets.model": document["model"], "ml_assets.environment": home.env}
    title = ", ".join(document["varied"])
    parent = _run(client, experiment, document["digest"], title, tags)
    if parent.info.status not in ENDED:
        for item in document["variations"]:
            _variation(client, experiment, parent.info.run_id, document, item, tags)
        client.set_tag(parent.info.run_id, "ml_assets.best", document["best"] or "none")
        with temporary.folder(home.root) as aside:
            path = Path(aside, "experiment.svg")
            path.write_bytes(Path(document["plot"]).read_bytes())
            client.log_artifact(parent.info.run_id, str(path))
        complete = all(item["fault"] is None for item in document["variations"])
        client.set_terminated(parent.info.run_id, "FINISHED" if complete else "FAILED")
    return {"experiment": name, "run_id": parent.info.run_id}


def _variation(
    client: MlflowClient,
    experiment: str,
    parent: str,
    document: Mapping[str, Any],
    item: Mapping[str, Any],
    tags: Mapping[str, str],
) -> None:
    from mlflow.entities import Metric, Param

    digest = f"{document['digest']}/{item['name']}"
    run = _run(client, experiment, digest, item["name"], {**tags, PARENT: parent})
    if run.info.status in ENDED:
        return
    now = int(time.time() * 1000)
    given = {"family": item["family"], **item["settings"]}
    params = [Param(k, str(v)) for k, v in given.items() if k not in run.data.params]
    metrics = [
        Metric(f"validation_{name}", float(value), now, 0)
        for name, value in item["metrics"].items()
        if value is not None
    ]
    client.log_batch(run.info.run_id, metrics=metrics, params=params)
    client.set_terminated(run.info.run_id, "FAILED" if item["fault"] else "FINISHED")


def _run(
    client: MlflowClient, experiment: str, digest: str, title: str, tags: Mapping[str, str]
) -> Run:
    runs = client.search_runs([experiment], f"tags.`{DIGEST}` = '{digest}'", max_results=1)
    if runs:
        return runs[0]
    return client.create_run(experiment, tags={**tags, DIGEST: digest}, run_name=title)


def _experiment(client: MlflowClient, home: Home, name: str) -> str:
    known = client.get_experiment_by_name(name)
    if known is not None:
        if known.lifecycle_stage == "deleted":
            client.restore_experiment(known.experiment_id)
        return str(known.experiment_id)
    return new_experiment(client, home, name, {})
