from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.scoring_server import infer_and_parse_data
from mlflow.types import ColSpec, Schema

from ml_assets.adapters.mlflow import client as adapter
from ml_assets.adapters.mlflow import embedded
from ml_assets.adapters.mlflow.candidate import Candidate, current_candidate
from ml_assets.adapters.mlflow.families import NestedRun
from ml_assets.adapters.mlflow.model import dataset, requirements
from ml_assets.adapters.mlflow.pyfunc import to_table
from ml_assets.errors import HomeError, NotMaterialized, PublishError, UnknownName
from ml_assets.spec.project import Project, read_project
from ml_assets.stages.train import lightgbm
from ml_assets.stages.train.predict import predict
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace
from ml_assets_tests import migrated, processes
from ml_assets_tests.adapters.world import MODEL, materialize, write_model

Opens = Callable[[Workspace], Home]


class Published:
    """A home whose candidate was published, and MLflow's own view of it."""

    def __init__(self, workspace: Workspace) -> None:
        self.home = Home(workspace.home, workspace.env)
        self.project = read_project(workspace.defs)
        self.answer = adapter.publish(self.home, self.project, MODEL, "dagster-7")
        self.uri = embedded.tracking_uri(self.home)
        self.client = MlflowClient(self.uri, self.uri)
        self.run = self.client.get_run(self.answer["mlflow_run_id"])
        self.candidate = current_candidate(self.home, self.project, MODEL)


@pytest.fixture(scope="module")
def published(made: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    root = tmp_path_factory.mktemp("published") / "a project"
    processes.copy(made.home.parent, root)
    found = Published(replace(made, home=root / "data"))
    yield found
    found.home.close()


def runs_and_versions(home: Home) -> tuple[list[str], list[int]]:
    client = adapter.opened(home)
    experiment = client.get_experiment_by_name(f"{MODEL}-dev")
    runs = client.search_runs([experiment.experiment_id], f"tags.`{adapter.DIGEST}` != ''")
    versions = client.search_model_versions(f"name = '{MODEL}-dev'")
    return [run.info.status for run in runs], sorted(int(v.version) for v in versions)


def test_the_answer_and_the_tags(published: Published) -> None:
    assert published.answer == {
        "experiment": published.run.info.experiment_id,
        "mlflow_run_id": published.run.info.run_id,
        "version": 1,
        "name": "delay-dev",
        "new": True,
    }
    held = published.home.records.current("dev", f"{MODEL}/candidate")
    assert held is not None
    tags = published.run.data.tags
    assert tags["ml_assets.digest"] == held.digest
    assert tags["ml_assets.version"] == "v0"
    assert tags["ml_assets.environment"] == "dev"
    assert tags["ml_assets.asset"] == "delay/candidate"
    assert tags["dagster.run_id"] == "dagster-7"
    assert published.run.info.run_name == "v0 trees"
    assert published.run.info.status == "FINISHED"
    version = published.client.get_model_version_by_alias("delay-dev", "candidate")
    assert version.tags["ml_assets.digest"] == held.digest
    assert version.run_id == published.run.info.run_id
    experiment = published.client.get_experiment_by_name("delay-dev")
    assert experiment is not None
    assert experiment.tags["ml_assets.environment"] == "dev"
    assert experiment.tags["mlflow.note.content"] == "Delay of a trip."


def test_the_parameters(published: Published) -> None:
    params = published.run.data.params
    assert {key: params[key] for key in ("family", "refit", "trees", "settings.num_leaves")} == {
        "family": "trees",
        "refit": "True",
        "trees": "12",
        "settings.num_leaves": "7",
    }
    assert {key: value for key, value in params.items() if key.startswith("split.")} == {
        "split.kind": "time",
        "split.test": "2",
        "split.validation": "1",
        "split.min_labelled": "0.9",
    }
    assert {key: value for key, value in params.items() if key.startswith("rows.")} == {
        "rows.train": "360",
        "rows.validation": "60",
        "rows.test": "120",
    }


def test_the_metrics_and_the_curve(published: Published) -> None:
    report = published.home.records.current("dev", f"{MODEL}/evaluation_report")
    assert report is not None
    figures = published.home.objects.json(report.outputs["metrics"].digest)
    metrics = published.run.data.metrics
    for name, value in figures["test"].items():
        assert metrics[f"test_{name}"] == value
    for name, value in figures["baseline"].items():
        assert metrics[f"test_{name}_baseline"] == value
    run_id = published.run.info.run_id
    curve = published.client.get_metric_history(run_id, "validation_mae_curve")
    assert [point.step for point in curve] == list(range(12))
    assert min(point.value for point in curve) == pytest.approx(metrics["validation_mae"])


def test_the_inputs_carry_our_digests(published: Published) -> None:
    inputs = {item.dataset.name: item for item in published.run.inputs.dataset_inputs}
    assert len(inputs) == 9
    first = inputs["delay/features@day0"]
    held = published.home.records.current("dev", "delay/features", "day0")
    assert held is not None
    assert first.dataset.digest == held.digest.removeprefix("d1:")[:32]
    assert first.dataset.source_type == "ml_assets"
    assert json.loads(first.dataset.source) == {
        "asset": "delay/features",
        "partition": "day0",
        "digest": held.digest,
    }
    assert json.loads(first.dataset.profile) == {"num_rows": 60}
    contexts = {name[-4:]: item.tags[0].value for name, item in inputs.items()}
    assert contexts["day5"] == "training"
    assert contexts["day6"] == "validation"
    assert contexts["day7"] == contexts["day8"] == "testing"


def test_the_files(published: Published, tmp_path: Path) -> None:
    got = Path(
        download_artifacts(
            run_id=published.run.info.run_id, dst_path=str(tmp_path), tracking_uri=published.uri
        )
    )
    report = published.home.records.current("dev", f"{MODEL}/evaluation_report")
    assert report is not None
    page = published.home.objects.read(report.outputs["report"].digest)
    assert (got / "report.html").read_bytes() == page
    assert json.loads((got / "leaderboard.json").read_bytes())["chosen"] == "trees"
    assert json.loads((got / "metrics.json").read_bytes())["rows"] == 120
    assert not list(got.rglob("*.pkl"))
    pinned = (got / "model" / "requirements.txt").read_text().splitlines()
    assert {line.partition("==")[0] for line in pinned} >= {"lightgbm", "mlflow", "numpy", "pandas"}
    assert all("==" in line for line in pinned)


def test_the_registered_model_predicts_the_same_to_the_bit(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", published.uri)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", published.uri)
    model = mlflow.pyfunc.load_model("models:/delay-dev/1")
    inputs = model.metadata.signature.inputs
    assert [tuple(column.values()) for column in inputs.to_dict()] == [
        ("string", "carrier", False),
        ("any", "holiday", False),
        ("any", "hour", False),
        ("double", "wind", False),
    ]
    held = published.home.records.current("dev", "delay/features", "day8")
    assert held is not None
    table = published.home.objects.table(held.digest)
    document = published.candidate.document
    wanted = predict(document, lightgbm, table)
    frame = table.select(["hour", "wind", "carrier", "holiday"]).to_pandas()
    frame["carrier"] = frame["carrier"].astype(object)
    assert frame["wind"].isna().any()
    got = model.predict(frame)
    assert np.asarray(got).tobytes() == wanted.tobytes()
    assert np.asarray(model.predict(frame[5:6])).tobytes() == wanted[5:6].tobytes()
    without = model.predict(frame.drop(columns="wind"))
    none = frame.assign(wind=np.nan)
    assert np.array_equal(without, model.predict(none))
    # What is missing is missing, in whole numbers and in yes or no as well.
    gone = frame.astype({"hour": object, "holiday": object}).assign(hour=None, holiday=None)
    nothing = table.drop(["hour", "holiday"])
    for name in ("hour", "holiday"):
        nothing = nothing.append_column(name, pa.nulls(len(table), table[name].type))
    assert np.array_equal(model.predict(gone), predict(document, lightgbm, nothing))


SPEC_TYPES = {"carrier": "string", "holiday": "boolean", "hour": "long", "wind": "double"}


def test_the_types_of_the_spec_stand_where_nothing_is_enforced(published: Published) -> None:
    run = published.client.get_run(published.run.info.run_id)
    assert len(run.inputs.dataset_inputs) == 9
    for item in run.inputs.dataset_inputs:
        columns = json.loads(item.dataset.schema)["mlflow_colspec"]
        assert {column["name"]: column["type"] for column in columns} == SPEC_TYPES
    model = mlflow.pyfunc.load_model(f"{run.info.artifact_uri}/model")
    assert model.metadata.metadata["ml_assets.columns"] == published.candidate.document["columns"]


@pytest.mark.parametrize("layout", ["dataframe_records", "dataframe_split"])
@pytest.mark.parametrize("missing", [None, "carrier", "holiday", "hour", "wind"])
def test_json_as_mlflows_server_reads_it_of_each_type(
    published: Published, layout: str, missing: str | None
) -> None:
    model = mlflow.pyfunc.load_model(f"{published.run.info.artifact_uri}/model")
    row = {"carrier": "UA", "holiday": True, "hour": 7, "wind": 9.5}
    rows = [row, row if missing is None else {**row, missing: None}]
    split = {"columns": list(row), "data": [list(values.values()) for values in rows]}
    request = {layout: split if layout == "dataframe_split" else rows}
    frame = infer_and_parse_data(json.loads(json.dumps(request)), model.metadata.get_input_schema())
    document = published.candidate.document
    wanted = predict(document, lightgbm, to_table(pd.DataFrame(rows), document["columns"]))
    assert np.array_equal(model.predict(frame), wanted)


def test_why_mlflow_may_not_enforce_whole_numbers_and_booleans() -> None:
    def read(kind: str, values: list[Any]) -> list[Any]:
        request = {"dataframe_records": [{"a": value} for value in values]}
        schema = Schema([ColSpec(kind, "a", required=False)])
        return list(infer_and_parse_data(request, schema)["a"])

    with pytest.raises(MlflowException, match="int64"):
        read("long", [1, None])
    assert read("boolean", [True, None]) == [True, False]


def children(published: Published, parent: str) -> dict[str, Any]:
    experiment = published.run.info.experiment_id
    wanted = f"tags.`mlflow.parentRunId` = '{parent}'"
    found = published.client.search_runs([experiment], wanted)
    return {run.info.run_name: run for run in found}


def test_each_family_is_a_run_within(published: Published) -> None:
    found = children(published, published.run.info.run_id)
    assert set(found) == {"constant", "trees"}
    trees = found["trees"]
    assert trees.info.status == "FINISHED"
    assert trees.data.tags["ml_assets.chosen"] == "true"
    assert found["constant"].data.tags["ml_assets.baseline"] == "true"
    assert trees.data.params["settings.num_leaves"] == "7"
    assert trees.data.params["rows.train"] == "360"
    metrics = trees.data.metrics
    assert metrics["validation_mae"] == published.run.data.metrics["validation_mae"]
    assert metrics["cost_trees"] == 12
    assert metrics["cost_features"] == 4
    assert metrics["cost_seconds"] > 0
    curve = published.client.get_metric_history(trees.info.run_id, "validation_mae_curve")
    assert len(curve) == 12
    adapter.publish(published.home, published.project, MODEL)
    assert set(children(published, published.run.info.run_id)) == {"constant", "trees"}


def test_trials_are_runs_within_their_family_and_none_is_made_twice(
    published: Published,
) -> None:
    trial = NestedRun("trees#0", {"settings.num_leaves": "4"}, {"validation": 2.0})
    family = replace(published.candidate.families[0], children=(trial,))
    for _ in range(2):
        adapter.log_children(published.client, published.run, [family])
    outer = children(published, published.run.info.run_id)["trees"]
    inner = children(published, outer.info.run_id)
    assert set(inner) == {"trees#0"}
    assert inner["trees#0"].data.metrics == {"validation": 2.0}
    assert inner["trees#0"].info.status == "FINISHED"


def test_what_is_more_than_mlflow_takes_at_once_is_all_there(published: Published) -> None:
    params = {f"p{n}": str(n) for n in range(250)}
    params["long"] = "x" * 7000
    many = NestedRun("many#0", params, {}, {"kind": "wide"}, ("curve", (1.0,) * 1100))
    adapter.log_children(published.client, published.run, [many])
    made = children(published, published.run.info.run_id)["many#0"]
    long = made.data.params.pop("long")
    assert made.data.params == {f"p{n}": str(n) for n in range(250)}
    assert (len(long), long[-26:]) == (6000, "x … (cut, 7,000 characters)"[-26:])
    assert made.data.tags["kind"] == "wide"
    assert len(published.client.get_metric_history(made.info.run_id, "curve")) == 1100
    published.client.delete_run(made.info.run_id)


def test_the_input_example_and_the_words_of_the_version(published: Published) -> None:
    place = embedded.folder(published.home) / "artifacts" / "delay-dev"
    files = place / published.run.info.run_id / "artifacts"
    example = json.loads((files / "model" / "input_example.json").read_text())
    assert set(example["columns"]) <= {"hour", "wind", "carrier", "holiday"}
    assert len(example["data"][0]) == len(example["columns"]) >= 3
    version = published.client.get_model_version("delay-dev", "1")
    assert version.description.startswith("trees: mae on 120 test rows ")
    assert "trivial baseline" in version.description
    assert published.client.get_registered_model("delay-dev").description == "Delay of a trip."
    plots = {path.name for path in (files / "plots").iterdir()}
    assert {"calibration.svg", "residual-histogram.svg"} <= plots


def test_publishing_twice_makes_one_run_and_one_version(published: Published) -> None:
    again = adapter.publish(published.home, published.project, MODEL, "dagster-8")
    assert again == {**published.answer, "new": False}
    assert runs_and_versions(published.home) == (["FINISHED"], [1])


def test_another_candidate_and_back(workspace: Workspace, opens: Opens) -> None:
    home = opens(workspace)

    def publish(leaves: int) -> dict[str, Any]:
        write_model(workspace, leaves=leaves)
        materialize(workspace)
        return adapter.publish(home, read_project(workspace.defs), MODEL)

    first, second, third = publish(7), publish(4), publish(7)
    assert (first["version"], second["version"], third["version"]) == (1, 2, 1)
    assert third == {**first, "new": False}
    assert runs_and_versions(home) == (["FINISHED"] * 2, [1, 2])
    client = adapter.opened(home)
    assert client.get_run(second["mlflow_run_id"]).data.tags["ml_assets.version"] == "v1"
    assert client.get_run(second["mlflow_run_id"]).data.tags["dagster.run_id"] == "run-1"
    assert client.get_model_version_by_alias("delay-dev", "candidate").version == 1


def test_another_report_of_the_same_candidate_is_shown_in_its_run(
    workspace: Workspace, opens: Opens
) -> None:
    home = opens(workspace)
    first = adapter.publish(home, read_project(workspace.defs), MODEL)
    ended = adapter.opened(home).get_run(first["mlflow_run_id"]).info.end_time
    path = workspace.defs / MODEL / "defs.yaml"
    text = path.read_text().replace("resamples: 100", "resamples: 200")
    # The same folds by another rule: MLflow refuses another value of a parameter.
    text = text.replace("validation: 1}", "validation: 1, min_labelled: 0.8}")
    path.write_text(text)
    materialize(workspace)
    second = adapter.publish(home, read_project(workspace.defs), MODEL)
    assert second == {**first, "new": True}
    report = home.records.current("dev", f"{MODEL}/evaluation_report")
    assert report is not None
    run = adapter.opened(home).get_run(first["mlflow_run_id"])
    assert run.data.tags["ml_assets.report"] == report.digest
    assert run.data.params["split.min_labelled"] == "0.9"
    assert run.info.end_time == ended
    place = embedded.folder(home) / "artifacts" / "delay-dev" / first["mlflow_run_id"]
    shown = (place / "artifacts" / "report.html").read_bytes()
    assert shown == home.objects.read(report.outputs["report"].digest)
    assert runs_and_versions(home) == (["FINISHED"], [1])


@pytest.mark.parametrize("reached", ["start_run", "log", "register"])
def test_what_was_cut_is_completed_not_doubled(
    reached: str, workspace: Workspace, opens: Opens
) -> None:
    home, project = opens(workspace), read_project(workspace.defs)
    client, found = adapter.opened(home), current_candidate(home, project, MODEL)
    run = adapter.start_run(client, home, found, "dagster-7")
    if reached != "start_run":
        adapter.log(client, home, run, found)
    if reached == "register":
        adapter.register(client, run, found)
    assert runs_and_versions(home)[0] == ["RUNNING"]
    answer = adapter.publish(home, project, MODEL, "dagster-8")
    assert answer["mlflow_run_id"] == run.info.run_id
    assert answer["new"]
    assert runs_and_versions(home) == (["FINISHED"], [1])
    whole = client.get_run(run.info.run_id)
    assert whole.data.tags["dagster.run_id"] == "dagster-7"
    assert whole.data.params == dict(found.params)
    assert len(whole.inputs.dataset_inputs) == 9
    assert len(client.get_metric_history(run.info.run_id, "test_mae")) == 1
    assert not adapter.publish(home, project, MODEL)["new"]


def test_a_migration_that_was_cut_is_begun_anew(
    workspace: Workspace, opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_create", migrated.create)
    home = opens(workspace)
    embedded.folder(home).mkdir(parents=True)
    (embedded.folder(home) / "mlflow.db.new").write_bytes(b"a migration that was cut")
    assert adapter.opened(home).search_registered_models() == []
    assert not (embedded.folder(home) / "mlflow.db.new").exists()


def test_a_copied_home_is_noticed_and_leaves_the_original_alone(
    published: Published, tmp_path: Path, opens: Opens, made: Workspace
) -> None:
    assert not embedded.moved(published.home)
    processes.copy(published.home.root, tmp_path / "data")
    copy = opens(replace(made, home=tmp_path / "data"))
    assert embedded.moved(copy)
    with pytest.raises(PublishError, match=r"was copied or moved .* `ml-assets repair`"):
        adapter.publish(copy, published.project, MODEL)
    embedded.reset(copy)
    assert embedded.is_empty(copy)
    assert not embedded.moved(copy)
    assert not embedded.folder(copy).exists()
    embedded.reset(copy)
    assert runs_and_versions(published.home) == (["FINISHED"], [1])


def test_a_run_deleted_in_mlflow_is_made_again(workspace: Workspace, opens: Opens) -> None:
    home, project = opens(workspace), read_project(workspace.defs)
    first = adapter.publish(home, project, MODEL)
    client = adapter.opened(home)
    experiment = client.get_experiment_by_name("delay-dev")
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    second = adapter.publish(home, project, MODEL)
    assert second["mlflow_run_id"] != first["mlflow_run_id"]
    assert second["version"] == 1


def test_what_cannot_be_published(
    made: Workspace, workspace: Workspace, opens: Opens, tmp_path: Path
) -> None:
    project: Project = read_project(made.defs)
    home = opens(workspace)
    with pytest.raises(UnknownName, match="no model named 'dela'; did you mean 'delay'"):
        current_candidate(home, project, "dela")
    other = opens(replace(workspace, env="prod"))
    with pytest.raises(NotMaterialized, match=r"delay/candidate .* environment prod"):
        current_candidate(other, project, MODEL)
    report = home.records.current("dev", f"{MODEL}/evaluation_report")
    write_model(workspace, leaves=4)
    materialize(workspace, only=("candidate",))
    assert report == home.records.current("dev", f"{MODEL}/evaluation_report")
    with pytest.raises(NotMaterialized, match="candidate v1 has no evaluation report"):
        current_candidate(home, project, MODEL)


def test_a_database_that_is_none(workspace: Workspace, opens: Opens) -> None:
    home = opens(workspace)
    embedded.folder(home).mkdir(parents=True)
    (embedded.folder(home) / "mlflow.db").write_bytes(b"no database, but long enough" * 100)
    with pytest.raises(PublishError, match=r"cannot be used: .*not a database; delete that folder"):
        adapter.opened(home)


def test_what_is_used_in_several_folds_is_one_input(published: Published) -> None:
    found: Candidate = published.candidate
    both = replace(found.inputs[0], contexts=("training", "testing"))
    assert dataset(both, found.document["columns"]).tags[0].value == "training, testing"


def test_requirements_are_pinned_to_what_the_model_was_made_with() -> None:
    found = requirements({"numpy": "1.2.3", "scikit-learn": "9.9"})
    assert "numpy==1.2.3" in found
    assert "scikit-learn==9.9" in found
    assert f"pandas=={pd.__version__}" in found


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"", b"/ho\x00me", b"home"])
def test_a_damaged_note_of_where_the_paths_lead_resets_nothing(
    tmp_path: Path, damage: bytes
) -> None:
    home = Home(tmp_path, "dev")
    note = embedded.folder(home) / "home.txt"
    note.parent.mkdir(parents=True)
    note.write_bytes(damage)
    with pytest.raises(HomeError, match=r"home\.txt is damaged: it holds .*, write /"):
        embedded.moved(home)
    note.write_text(str(note.parent.resolve()))
    assert not embedded.moved(home)
    home.close()
