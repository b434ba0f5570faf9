"""MLflow as a projection of the store: one run and one model version for each candidate.

Everything is looked up by digest before it is created, so the next call completes an interrupted
one. Belongs here: what is written to MLflow, and in which order. Does not belong here: where it is
(`embedded`, `server`), the content (`candidate`), the model's files (`model`), processes
(`process`). mlflow is imported on first use only.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.adapters.mlflow import embedded, server
from ml_assets.adapters.mlflow.candidate import Candidate, current_candidate
from ml_assets.adapters.mlflow.families import NestedRun
from ml_assets.adapters.mlflow.model import dataset, save, signature
from ml_assets.engine.markdown import plain
from ml_assets.spec.project import Project
from ml_assets.store import temporary
from ml_assets.store.home import Home

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

PARENT, PART = "mlflow.parentRunId", "ml_assets.part"
"""The tags of a nested run: the run around it, and its part there."""
DIGEST, REPORT, DAGSTER_RUN = "ml_assets.digest", "ml_assets.report", "dagster.run_id"
ENVIRONMENT = "ml_assets.environment"
"""The tag of experiments, runs and registered models."""
ALIAS = "candidate"
"""The registry alias of the current candidate (after A, B, A it is A)."""
_BATCH, _FEW = 1000, 100
"""How many metrics, and how many parameters or tags, MLflow accepts at once."""
_LONGEST = 6000
"""Most characters of a parameter's value in MLflow."""


def opened(home: Home) -> MlflowClient:
    """Return a client for the MLflow of a home: a server's, or the database in it.

    Raises PublishError if it cannot be used.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    import mlflow  # noqa: F401 - before its loggers are set

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    url = server.address()
    return server.opened(url) if url else embedded.opened(home)


def moved(home: Home) -> bool:
    """Return, without mlflow, whether MLflow's paths lead elsewhere than to this home.

    Raises HomeError if the note about it is damaged.
    """
    return not server.address() and embedded.moved(home)


def new_experiment(client: MlflowClient, home: Home, name: str, tags: Mapping[str, str]) -> str:
    """Create an experiment, whose files are in the home or where the server keeps them."""
    place = None
    if not server.address():
        place = (embedded.folder(home) / "artifacts" / name).resolve().as_uri()
    return str(client.create_experiment(name, artifact_location=place, tags=dict(tags)))


def publish(
    home: Home, project: Project, model: str, dagster_run_id: str | None = None
) -> dict[str, Any]:
    """Publish a model's current candidate.

    Return `experiment` and `mlflow_run_id` (MLflow's), `version`, `name`, `new`. `version` is
    MLflow's number. Raises PublishError, UnknownName, NotMaterialized.
    """
    client = opened(home)
    candidate = current_candidate(home, project, model)
    answer = put(client, home, candidate, dagster_run_id)
    version = str(answer["version"])
    if client.get_registered_model(candidate.name).aliases.get(ALIAS) != version:
        client.set_registered_model_alias(candidate.name, ALIAS, version)
    return answer


def put(
    client: MlflowClient, home: Home, candidate: Candidate, dagster_run_id: str | None
) -> dict[str, Any]:
    """Publish the missing parts of a candidate; return the same as `publish`."""
    run = find_run(client, candidate)
    version = find_version(client, candidate)
    new = version is None or run is None or not _complete(run, candidate)
    if run is None:
        run = start_run(client, home, candidate, dagster_run_id)
    if new:
        log(client, home, run, candidate, model=version is None)
    if version is None:
        version = register(client, run, candidate)
    if not _complete(run, candidate):
        log_children(client, run, candidate.families)
        finish(client, run, candidate)
    return {
        "experiment": run.info.experiment_id,
        "mlflow_run_id": run.info.run_id,
        "version": int(version),
        "name": candidate.name,
        "new": new,
    }


def find_run(client: MlflowClient, candidate: Candidate) -> Run | None:
    """Return the run of a candidate, complete or not."""
    experiment = client.get_experiment_by_name(candidate.name)
    if experiment is None:
        return None
    wanted = f"tags.`{DIGEST}` = '{candidate.digest}'"
    runs = client.search_runs([experiment.experiment_id], wanted, max_results=1)
    return runs[0] if runs else None


def start_run(
    client: MlflowClient, home: Home, candidate: Candidate, dagster_run_id: str | None
) -> Run:
    """Create the run of a candidate, with its digest in the same transaction."""
    tags = dict(candidate.tags)
    made_by = dagster_run_id or candidate.run_id
    if made_by is not None:
        tags[DAGSTER_RUN] = made_by
    name = f"{tags['ml_assets.version']} {candidate.params['family']}"
    return client.create_run(_experiment(client, home, candidate), tags=tags, run_name=name)


def log(
    client: MlflowClient, home: Home, run: Run, candidate: Candidate, *, model: bool = True
) -> None:
    """Write parameters, metrics, inputs, files and the model of a run; can be repeated."""
    from mlflow.entities import Metric

    params = {n: value for n, value in candidate.params.items() if n not in run.data.params}
    metrics = [Metric(name, value, candidate.at, 0) for name, value in candidate.metrics.items()]
    name, values = candidate.curve
    metrics += [Metric(name, value, candidate.at, step) for step, value in enumerate(values)]
    run_id = run.info.run_id
    _put(client, run_id, params, metrics)
    columns = signature(candidate)
    typed = candidate.document["columns"]
    client.log_inputs(run_id, [dataset(item, typed) for item in candidate.inputs])
    with temporary.folder(home.root) as aside:
        for file, content in candidate.files.items():
            Path(aside, file).parent.mkdir(exist_ok=True)
            Path(aside, file).write_bytes(content)
        if model:
            save(Path(aside, "model"), candidate, run_id, columns)
        client.log_artifacts(run_id, str(aside))


def _put(
    client: MlflowClient,
    run_id: str,
    params: Mapping[str, str],
    metrics: Sequence[Metric],
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write all of it to a run, in batches as large as MLflow accepts."""
    from mlflow.entities import Param, RunTag

    given = [Param(name, _cut(value)) for name, value in params.items()]
    marks = [RunTag(name, value) for name, value in (tags or {}).items()]
    for start in range(0, max(len(given), len(marks), 1), _FEW):
        part = slice(start, start + _FEW)
        client.log_batch(run_id, params=given[part], tags=marks[part])
    for start in range(0, len(metrics), _BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + _BATCH])


def _cut(value: str) -> str:
    """Return a parameter's value, truncated with a note if it is too long for MLflow."""
    if len(value) <= _LONGEST:
        return value
    said = f" … (cut, {len(value):,} characters)"
    return value[: _LONGEST - len(said)] + said


def find_version(client: MlflowClient, candidate: Candidate) -> str | None:
    """Return MLflow's number of the model version of a candidate."""
    wanted = f"name = '{candidate.name}' and tags.`{DIGEST}` = '{candidate.digest}'"
    versions = client.search_model_versions(wanted, max_results=1)
    return str(versions[0].version) if versions else None


def register(client: MlflowClient, run: Run, candidate: Candidate) -> str:
    """Register the model of a run; return MLflow's version number."""
    from mlflow.exceptions import MlflowException

    try:
        tags = {"ml_assets.model": candidate.model, ENVIRONMENT: candidate.env}
        client.create_registered_model(candidate.name, tags, candidate.description)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = f"{run.info.artifact_uri}/model"
    made = client.create_model_version(
        candidate.name,
        source,
        run.info.run_id,
        tags=dict(candidate.tags),
        description=candidate.summary,
    )
    return str(made.version)


def log_children(client: MlflowClient, run: Run, children: Sequence[NestedRun]) -> None:
    """Write families and their trials as runs nested in a run; existing ones are kept."""
    from mlflow.entities import Metric

    experiment, parent = run.info.experiment_id, run.info.run_id
    if not children:
        return
    wanted = f"tags.`{PARENT}` = '{parent}'"
    known = {one.data.tags.get(PART): one for one in client.search_runs([experiment], wanted)}
    for child in children:
        made = known.get(child.part)
        if made is None or made.info.status != "FINISHED":
            at = run.info.start_time
            if made is None:
                tags = {PARENT: parent, PART: child.part, **child.tags}
                made = client.create_run(experiment, at, tags, child.part)
            metrics = [Metric(name, value, at, 0) for name, value in child.metrics.items()]
            name, values = child.curve
            metrics += [Metric(name, value, at, step) for step, value in enumerate(values)]
            params = {n: v for n, v in child.params.items() if n not in made.data.params}
            _put(client, made.info.run_id, params, metrics, child.tags)
        log_children(client, made, child.children)
        if made.info.status != "FINISHED":
            client.set_terminated(made.info.run_id, "FINISHED")


def finish(client: MlflowClient, run: Run, candidate: Candidate) -> None:
    """Mark a run as complete, with its report."""
    client.set_tag(run.info.run_id, "mlflow.note.content", plain(candidate.summary))
    client.set_tag(run.info.run_id, REPORT, candidate.report)
    # A new report of a candidate does not change its run's end time.
    if run.info.status != "FINISHED":
        client.set_terminated(run.info.run_id, "FINISHED")


def _complete(run: Run, candidate: Candidate) -> bool:
    return run.info.status == "FINISHED" and run.data.tags.get(REPORT) == candidate.report


def _experiment(client: MlflowClient, home: Home, candidate: Candidate) -> str:
    known = client.get_experiment_by_name(candidate.name)
    if known is not None:
        if known.lifecycle_stage == "deleted":
            client.restore_experiment(known.experiment_id)
        return str(known.experiment_id)
    tags = {
        "mlflow.note.content": candidate.description,
        # Without it MLflow's page opens with traces of language models.
        "mlflow.experimentKind": "custom_model_development",
        ENVIRONMENT: candidate.env,
        "ml_assets.model": candidate.model,
    }
    return new_experiment(client, home, candidate.name, tags)
