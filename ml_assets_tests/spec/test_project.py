"""The specs of a project held against each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets.assets.edges import asset_keys
from ml_assets.errors import SpecError
from ml_assets.spec.project import read_for, read_project, read_valid, released
from ml_assets.spec.trial import TrialSpec

DATASET = """\
type: ml_assets.TabularDataset
attributes:
  description: People
  calendar: {calendar}
  landing: {{pattern: '(?P<batch>.*)'}}
  moments: [before, after]
  key: [number]
  columns:
    number: {{type: integer, known_at: before}}
    wage: {{type: number}}
"""
SNAPSHOT = """\
type: ml_assets.TabularDataset
attributes:
  description: Places
  landing: {pattern: 'places'}
  columns:
    place: {type: text}
"""
MODEL = """\
type: ml_assets.TabularModel
attributes:
  description: Wages
  dataset: people
  joins:
    - dataset: places
    - dataset: jobs
  task: regression
  target: wage
  predict_at: before
  features:
    function: features.py:build
    columns: {number: {type: number}}
  split: {kind: time}
  training:
    metric: mae
    families: {median: {family: median}}
  evaluation:
    slices: [number]
"""
FILES = {
    "people": DATASET.format(calendar="month"),
    "jobs": DATASET.format(calendar="month"),
    "places": SNAPSHOT,
    "wages": MODEL,
}


def write(tmp_path: Path, **changed: str) -> Path:
    """Write a project, some of its files changed."""
    for name, text in (FILES | changed).items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "defs.yaml").write_text(text)
    return tmp_path


def mistakes(tmp_path: Path, **changed: str) -> list[str]:
    """Return what is said about a project, the folder left out."""
    with pytest.raises(SpecError) as error:
        read_project(write(tmp_path, **changed))
    return str(error.value).replace(f"{tmp_path}/", "").splitlines()


def test_a_good_project(tmp_path: Path) -> None:
    project = read_project(write(tmp_path))
    assert sorted(project.datasets) == ["jobs", "people", "places"]
    assert project.calendar_of("wages") == project.calendar_of("people") == "month"
    assert project.calendar_of("places") is None
    assert "people/quarantine" in asset_keys(project)
    assert "wages/candidate" in asset_keys(project)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("dataset: people", "dataset: peple", "4: dataset: no dataset 'peple'; did you mean 'peo"),
        ("- dataset: jobs", "- dataset: job", "7: joins.1.dataset: no dataset 'job'; did you mean"),
        ("target: wage", "target: wag > 3", "9: target: no column 'wag'; did you mean 'wage'?"),
        ("before\n", "befor\n", "10: predict_at: no moment 'befor'; did you mean 'before'?"),
        (
            "  predict_at: before\n",
            "",
            "2: predict_at: wanted the moment of prediction, one of before, after",
        ),
        (
            "dataset: places",
            "dataset: places\n      previous: 1",
            "7: joins.0.previous: places is a snapshot and has no preceding batches",
        ),
        (
            "dataset: places",
            "dataset: people",
            "6: joins.0.dataset: 'people' is the model's own dataset; for its preceding ba",
        ),
        ("dataset: jobs", "dataset: places", "7: joins.1.dataset: 'places' is joined twice"),
        ("metric: mae", "metric: auc", "16: training.metric: 'auc' is not for regression"),
        (
            "{median: {family: median}}",
            "\n      linear: {family: linear}",
            "17: training.families: add a trivial baseline (median, mean, quantile, group_median, ",
        ),
        (
            "{median: {family: median}}",
            "\n      median: {family: median}\n      prior: {family: prior}",
            "19: training.families.prior.family: prior is for binary and multiclass; use median",
        ),
        (
            "{median: {family: median}}",
            "\n      means:\n        family: group_median\n        by: numbr",
            "20: training.families.means.by: no feature 'numbr'; did you mean 'number'?",
        ),
        (
            "{kind: time}",
            "\n    kind: hash\n    stratify: true",
            "16: split.stratify: is only for binary and multiclass",
        ),
        (
            "{kind: time}",
            "\n    kind: hash\n    test: 0.6\n    validation: 0.4",
            "14: split: test and validation leave no rows for train",
        ),
        ("[number]", "[numbr]", "19: evaluation.slices.0: no column 'numbr'; did you mean 'numb"),
        ("  task", "  weight: wag\n  task", "8: weight: no column 'wag'; did you mean 'wage'?"),
        (
            "{kind: time}",
            "{kind: hash, group: [wag]}",
            "14: split.group.0: no column 'wag'; did you mean 'wage'?",
        ),
        (
            "dataset: jobs",
            "dataset: jobs\n      max_age: 2 h",
            "8: joins.1.max_age: is the age at the moment of prediction; say that moment as `at`",
        ),
        (
            "dataset: jobs",
            "dataset: jobs\n      max_age: -2 h",
            "8: joins.1.max_age: got '-2 h', wanted a duration above 0 such as '2 h'",
        ),
        (
            "  split:",
            "  release: {rows: true, snapshots: [place]}\n  split:",
            "14: release.snapshots.0: 'place' is not joined; did you mean 'places'?",
        ),
        (
            "  split:",
            "  release: {snapshots: [places]}\n  split:",
            "14: release.snapshots: are for raw rows; set `rows: true`",
        ),
        (
            "  split:",
            "  release: {rows: true, snapshots: [jobs]}\n  split:",
            "14: release.snapshots.0: jobs arrives in batches; only a snapshot can go with a",
        ),
    ],
)
def test_a_model_that_does_not_fit(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in MODEL
    found = mistakes(tmp_path, wages=MODEL.replace(old, new, 1))
    assert [line[: len("wages/defs.yaml:" + said)] for line in found] == [f"wages/defs.yaml:{said}"]


TIMED = DATASET.format(calendar="month").replace(
    "  columns:", "  time: day\n  columns:\n    day: {type: date, known_at: before}"
)
TRIAL = MODEL.replace(
    "  split:", "  predictions: {challenger: true}\n  gate: {mode: trial}\n  split:"
)


def test_a_trial_has_its_defaults(tmp_path: Path) -> None:
    project = read_project(write(tmp_path, wages=TRIAL, people=TIMED))
    assert "wages/trial" in asset_keys(project)
    assert project.models["wages"].gate.trial == TrialSpec()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "predictions: {challenger: true}",
            "predictions: {}",
            "15: gate.mode: a trial compares predictions of champion and challenger; "
            "set `predictions: {challenger: true}`",
        ),
        (
            "metric: mae",
            "metric: r2",
            "15: gate.mode: a trial is of a mean of bounded losses, and r2 is none; "
            "wanted `training.metric` of mae, pinball, rmse",
        ),
        (
            "metric: mae",
            "metric: rmse",
            "15: gate.trial: rmse needs `bound: [least, largest]`, of the target",
        ),
        (
            "{mode: trial}",
            "{mode: trial, trial: {bound: [0, 9]}}",
            "15: gate.trial.bound: is for rmse; what mae can differ by follows from the "
            "predictions",
        ),
        (
            "{mode: trial}",
            "{trial: {block: week}}",
            "15: gate: trial: needs `mode: trial`, but mode is automatic",
        ),
        (
            "{mode: trial}",
            "{mode: trial, trial: {bound: [9, 0]}}",
            "15: gate.trial: bound: got [9.0, 0.0], wanted [least, largest]",
        ),
    ],
)
def test_a_trial_that_cannot_be(tmp_path: Path, old: str, new: str, said: str) -> None:
    found = mistakes(tmp_path, wages=TRIAL.replace(old, new, 1), people=TIMED)
    assert found == [f"wages/defs.yaml:{said}"]


def test_a_trial_needs_an_event_time_and_batches(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, wages=TRIAL)
    assert found == "wages/defs.yaml:15: gate.mode: a trial is by day; set `time` of people"


def test_the_moment_of_a_join_is_known_when_it_is_predicted(tmp_path: Path) -> None:
    timed = "  time: at\n  columns:\n    at: {type: timestamp, known_at: before}\n"
    timed += "    paid: {type: timestamp, known_at: after}\n"
    people, jobs = (FILES[n].replace("  columns:\n", timed) for n in ("people", "jobs"))
    given = {"people": people, "jobs": jobs}
    for number, (at, said) in enumerate(
        {
            "at": None,
            "paid": "paid is not known at before; wanted columns of at, number",
            "number": "'number' gives a number for each row, wanted a time",
            "aat": "no column 'aat'; did you mean 'at'?",
        }.items()
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        wages = MODEL.replace("dataset: jobs", f"dataset: jobs\n      at: {at}")
        if said is None:
            assert read_project(write(folder, wages=wages, **given)).models["wages"].joins[1].at
        else:
            found = mistakes(folder, wages=wages, **given)
            assert [line.partition(" available")[0] for line in found] == [
                f"wages/defs.yaml:8: joins.1.at: {said}"
            ]
    (tmp_path / "places").mkdir()
    wages = MODEL.replace("dataset: places", "dataset: places\n      at: at")
    assert mistakes(tmp_path / "places", wages=wages, **given) == [
        "wages/defs.yaml:7: joins.0.at: places has no `time`, so none of its rows is known to be "
        "later"
    ]


def test_a_sensitive_column_of_a_snapshot_does_not_leave(tmp_path: Path) -> None:
    places = SNAPSHOT.replace(
        "{type: text}", "{type: text, sensitive: true}\n    size: {type: text}"
    )
    model = MODEL.replace("  split:", "  release: {rows: true, snapshots: [places]}\n  split:")
    (tmp_path / "all").mkdir()
    (found,) = mistakes(tmp_path / "all", places=places, wages=model)
    assert found == (
        "wages/defs.yaml:14: release.snapshots.0: place of places is sensitive and may not leave; "
        "name the columns that features are made from as `sources`"
    )
    named = model.replace("{number: {type: number}}", "{number: {sources: [places.size]}}")
    (tmp_path / "named").mkdir()
    project = read_project(write(tmp_path / "named", places=places, wages=named))
    assert released(project.models["wages"], "places", project.datasets["places"]) == ("size",)


def test_what_one_dataset_needs(tmp_path: Path) -> None:
    defs = write(tmp_path, wages=MODEL.replace("target: wage", "target: wag"), jobs="type: [")
    assert set(read_for(defs, "people").datasets) == {"people", "places"}
    assert read_for(defs, "people").models == {}
    with pytest.raises(SpecError, match=r"jobs/defs\.yaml:2: not YAML"):
        read_for(defs, "jobs")


def test_what_is_right_can_be_read_without_what_is_wrong(tmp_path: Path) -> None:
    project, wrong = read_valid(write(tmp_path, places=SNAPSHOT.replace("text", "texts")))
    assert (sorted(project.datasets), sorted(project.models)) == (["jobs", "people"], [])
    assert wrong["wages"] == [f"{tmp_path}/wages/defs.yaml:1: it needs places, whose spec is wrong"]
    assert "columns.place.type" in wrong["places"][0]
    assert sorted(wrong) == ["places", "wages"]


def test_joins_across_calendars_are_refused(tmp_path: Path) -> None:
    found = mistakes(tmp_path, jobs=DATASET.format(calendar="day"))
    assert found == [
        "wages/defs.yaml:7: joins.1.dataset: jobs is on calendar 'day', people on 'month'; "
        "only datasets on one calendar, or snapshots, can be joined"
    ]


def test_a_snapshot_has_no_batches_to_split_and_no_key_to_hash(tmp_path: Path) -> None:
    model = MODEL.replace("dataset: people", "dataset: places")
    model = model.replace("target: wage", "target: place.str.len()")
    model = model.replace("  predict_at: before\n", "").replace("    - dataset: places\n", "", 1)
    model = model.replace("    - dataset: jobs\n", "    []\n")
    found = mistakes(tmp_path, wages=model)
    assert found == [
        "wages/defs.yaml:12: split.kind: places is a snapshot without batches; use kind: hash"
    ]


@pytest.mark.parametrize("key", ["", "  key: row\n"])
def test_rows_without_a_key_are_known_by_what_may_be_known(tmp_path: Path, key: str) -> None:
    people = FILES["people"].replace("  key: [number]\n", key)
    found = read_project(write(tmp_path, people=people))
    assert found.datasets["people"].key == ()
    # Neither the wage, which is predicted, nor what is known after it.
    assert found.inputs("wages") == ("number",)


def test_rows_with_a_key_are_known_by_it(tmp_path: Path) -> None:
    assert read_project(write(tmp_path)).inputs("wages") == ()


def test_a_key_is_a_list_or_row(tmp_path: Path) -> None:
    found = mistakes(tmp_path, people=FILES["people"].replace("[number]", "number"))
    assert found[0].endswith("key: got 'number', wanted a list of columns ([number]) or row")


def test_mistakes_of_all_files_are_said_and_none_follows_from_another(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        people=FILES["people"].replace("calendar", "calender"),
        jobs=FILES["jobs"].replace("key:", "keys:"),
    )
    files = {line.split(":")[0] for line in found}
    assert files == {"people/defs.yaml", "jobs/defs.yaml"}


def test_a_broken_join_hides_no_other_mistake(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        jobs=FILES["jobs"].replace("key:", "keys:"),
        wages=MODEL.replace("target: wage", "target: wag"),
    )
    assert [line.split(" ")[1] for line in found] == ["keys:", "target:"]


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, other="type: dagster.DefsFolderComponent\n")
    (tmp_path / "empty").mkdir()
    assert "other" not in read_project(tmp_path).folders
