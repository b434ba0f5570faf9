"""Plans: what runs, what may, what is reused or waits, and why; nothing is run."""

from __future__ import annotations

import json

import pytest

from ml_assets.engine.plan import Plan, planner_here
from ml_assets.errors import SelectionError, UnknownName
from ml_assets_tests import processes
from ml_assets_tests.projects import (
    AFTER_FEATURES,
    FORECAST,
    HELPERS,
    MONTHS,
    SALES,
    Toy,
    prices,
    sales,
)


def _having(plan: Plan, status: str) -> set[str]:
    return {str(item.cell) for item in plan.cells if item.status == status}


def _reasons(plan: Plan) -> dict[str, str]:
    return {str(item.cell): item.reason for item in plan.cells}


def _each(asset: str) -> set[str]:
    return {f"{asset}@{month}" for month in MONTHS}


def test_nothing_has_landed(toy: Toy) -> None:
    plan = toy.plan()
    assert _having(plan, "wait") == {str(item.cell) for item in plan.cells} == AFTER_FEATURES
    assert _reasons(plan)["forecast/candidate"] == "forecast waits: nothing has landed for sales"
    assert plan.todo == []


def test_everything_is_new(toy: Toy) -> None:
    toy.land_all()
    plan = toy.plan()
    (waiting,) = plan.having("wait")
    assert str(waiting.cell) == "forecast/predictions@2020-06", "there is no champion yet"
    *before, release = [item for item in plan.cells if item.status != "wait"]
    assert len(before) == 12 * 4 + 6 + 6
    assert {(item.status, item.reason) for item in before} == {("run", "never materialized")}
    assert (release.status, release.reason) == ("maybe", "depends on forecast/champion")
    assert [str(item.cell) for item in plan.cells[-3:]] == [
        "forecast/evaluation_report",
        "forecast/champion",
        "forecast/release",
    ]


def test_nothing_changed(made: Toy) -> None:
    plan = made.plan()
    assert {(item.status, item.reason) for item in plan.cells} == {("reuse", "nothing changed")}
    assert plan.todo == []


def test_what_is_not_shown_yet_is_published(made: Toy) -> None:
    made.planner().home.records.mark_all_unpublished("dev")
    plan = made.plan("prices/*")
    assert {i.reason for i in plan.cells} == {"known content, not yet published here"}
    assert len(plan.todo) == 24
    assert plan.to_json()["publish"] == [str(item.cell) for item in plan.cells]


def test_a_comment_changes_nothing(made: Toy) -> None:
    made.edit(HELPERS, '"""What several', '# A comment.\n"""What several')
    made.edit(HELPERS, "return sales", "return  sales")
    assert made.plan().todo == []


def test_what_is_added_to_what_was_made_is_new(made: Toy) -> None:
    (made.root / "toy/defs/forecast/checks.py").write_text(
        "def promoted(frame):\n    return True\n"
    )
    made.edit(FORECAST, "  split:", "  checks: {promoted: checks.py:promoted}\n  split:")
    made.edit(
        FORECAST, "{family: linear}", "{family: linear}\n      other: {family: linear, alpha: 2.0}"
    )
    reasons = _reasons(made.plan())
    assert {reasons[cell] for cell in _each("forecast/features")} == {"promoted is new"}
    assert reasons["forecast/candidate"] == "fit:other is new"


def test_an_edit_of_the_hook_reaches_from_features_onward(made: Toy) -> None:
    made.edit(HELPERS, ".astype(float)", ".astype(float) * 2.0")
    plan = made.plan()
    assert _having(plan, "run") == _each("forecast/features")
    assert _having(plan, "maybe") == AFTER_FEATURES
    assert {_reasons(plan)[cell] for cell in _each("forecast/features")} == {
        "features: code: toy.defs.forecast.helpers changed; "
        "check:row_independence: code: toy.defs.forecast.helpers changed"
    }
    (candidate,) = [i for i in plan.cells if str(i.cell) == "forecast/candidate"]
    assert candidate.depends_on == tuple(sorted(_each("forecast/features")))
    assert candidate.reason == (
        "depends on forecast/features@2020-01, forecast/features@2020-02, "
        "forecast/features@2020-03, forecast/features@2020-04, …"
    )


def test_a_corrected_batch_reaches_itself_and_the_batch_after(made: Toy) -> None:
    made.land("prices", "2020-03", prices("2020-03", extra=0.5))
    plan = made.plan()
    assert _having(plan, "run") == {"prices/raw@2020-03"}
    # `previous: 1`: April's features look back to March's prices.
    assert _having(plan, "maybe") == {
        "prices/cleaned@2020-03",
        "prices/quarantine@2020-03",
        # March is in the reference, which all reports of prices are compared with.
        *_each("prices/quality_report"),
        "forecast/features@2020-03",
        "forecast/features@2020-04",
        *AFTER_FEATURES,
    }
    (april,) = [i for i in plan.cells if str(i.cell) == "forecast/features@2020-04"]
    assert april.depends_on == ("prices/raw@2020-03",)


def test_a_cleaning_edit_depends_on_cleaned(made: Toy) -> None:
    made.edit(SALES, "quarantine_budget: 0.1", "quarantine_budget: 0.2")
    plan = made.plan()
    assert _having(plan, "run") == _each("sales/cleaned") | _each("sales/quarantine")
    assert "sales/raw@2020-01" in _having(plan, "reuse")
    assert _reasons(plan)["sales/quarantine@2020-01"] == "spec: quarantine_budget 0.1→0.2"
    (features,) = [i for i in plan.cells if str(i.cell) == "forecast/features@2020-01"]
    assert features.depends_on == ("sales/cleaned@2020-01",)


def test_one_familys_settings_touch_that_family_alone(made: Toy) -> None:
    made.edit(FORECAST, "{family: linear}", "{family: linear, alpha: 2.0}")
    plan = made.plan()
    # The chosen family: the report's split optimism is measured with its settings.
    assert _having(plan, "run") == {"forecast/candidate", "forecast/evaluation_report"}
    assert _having(plan, "maybe") == {"forecast/champion", "forecast/release"}
    reason = _reasons(plan)["forecast/candidate"]
    assert reason == "spec: family.alpha 1.0→2.0"


def test_the_order_of_columns_is_a_change(made: Toy) -> None:
    promo, units = (
        "    promo: {type: boolean, known_at: opening}\n",
        "    units: {type: number, range: [-100, 1000], known_at: closing}\n",
    )
    made.edit(SALES, promo + units, units + promo)
    plan = made.plan("sales/raw")
    assert _having(plan, "run") == _each("sales/raw")
    assert _reasons(plan)["sales/raw@2020-01"] == "spec: the order of its keys changed"
    assert made.make("sales/raw", verify=True).faults == []


def test_a_missing_object_is_made_again(made: Toy) -> None:
    home = made.planner().home
    current = home.records.current("dev", "prices/raw", "2020-02")
    assert current is not None
    home.objects.path(current.digest).unlink()
    plan = made.plan("prices/*")
    assert _having(plan, "run") == {"prices/raw@2020-02"}
    assert _reasons(plan)["prices/raw@2020-02"] == "its stored result is missing or damaged"


def test_a_damaged_object_that_the_plan_reads_is_made_again(made: Toy) -> None:
    home = made.planner().home
    current = home.records.current("dev", "prices/cleaned", "2020-02")
    assert current is not None
    record = home.records.action(current.actions["clean"])
    assert record is not None
    path = home.objects.path(record.outputs["summary"].digest)
    path.write_bytes(path.read_bytes()[::-1])
    plan = made.plan("prices/*")
    assert "prices/cleaned@2020-02" in _having(plan, "run")
    assert made.make().faults == []
    assert made.plan().todo == []


def test_features_wait_for_the_joined_dataset(toy: Toy) -> None:
    toy.land("sales", "2020-01")
    plan = toy.plan("forecast/features")
    (features,) = plan.cells
    assert features.status == "wait"
    assert features.reason == (
        "forecast/features@2020-01 waits: nothing has landed for prices 2020-01"
    )
    assert [cell["asset"] for cell in plan.to_json()["waiting"]] == ["forecast/features@2020-01"]


def test_too_few_batches_wait_and_say_what_is_lacking(toy: Toy) -> None:
    toy.land_all(MONTHS[:2])
    assert toy.make().faults == []
    reasons = _reasons(toy.plan())
    assert reasons["forecast/candidate"].startswith("forecast waits: needs 4 usable batches")
    assert reasons["forecast/evaluation_report"].startswith("forecast waits: needs 4")


def test_a_selection_and_a_batch(made: Toy) -> None:
    plan = made.plan("group:prices or forecast/candidate", partition="2020-02")
    assert [str(item.cell) for item in plan.cells] == [
        *(f"prices/{name}@2020-02" for name in ("raw", "cleaned", "quarantine")),
        "forecast/candidate",
        "prices/quality_report@2020-02",
    ]
    with pytest.raises(UnknownName, match="no batch named '2020-20'; did you mean"):
        made.plan(partition="2020-20")
    with pytest.raises(SelectionError):
        made.plan("nothing")


def test_looking_lands_what_lies_there(toy: Toy) -> None:
    planner = toy.planner()
    folder = planner.home.landing / "sales"
    folder.mkdir(parents=True)
    (folder / "sales-2020-01.csv").write_bytes(sales("2020-01"))
    (folder / "odd").write_bytes(b"")
    plan = planner.plan()
    assert plan.to_json()["settling"] == [str(folder / "sales-2020-01.csv")]
    assert len(plan.to_json()["problems"]) == 1
    assert planner.plan(look=False).observed.problems == []


def test_a_cell_that_was_kept_without_the_one_before(toy: Toy) -> None:
    toy.land("prices", "2020-01")
    assert toy.make("prices/cleaned").faults == []
    toy.land("prices", "2020-01", prices("2020-01", extra=0.5))
    (cleaned,) = toy.plan("prices/cleaned").cells
    assert (cleaned.status, cleaned.reason) == ("run", "an input is rebuilt")


def test_the_wanted_state_is_the_same_until_something_changes(made: Toy) -> None:
    made.edit(HELPERS, ".astype(float)", ".astype(float) * 2.0")
    first = made.plan()
    assert made.plan().wanted == first.wanted
    made.edit(HELPERS, "* 2.0", "* 3.0")
    second = made.plan()
    assert second.wanted != first.wanted
    made.edit(HELPERS, " * 3.0", "")
    assert made.plan().wanted not in (first.wanted, second.wanted)


def test_a_plan_survives_json(made: Toy) -> None:
    made.land("prices", "2020-03", prices("2020-03", extra=0.5))
    made.land("sales", "2020-07", sales("2020-06"))
    made.planner().home.records.mark_published("dev", "sales/raw", "2020-01", "other")
    plan = made.plan()
    assert {item.status for item in plan.cells} == {"run", "maybe", "reuse", "wait"}
    again = Plan.from_json(json.loads(json.dumps(plan.to_json())))
    assert again.to_json() == plan.to_json()
    assert [i.cell for i in again.todo] == [i.cell for i in plan.todo]
    assert again.wanted == plan.wanted


def test_planning_imports_nothing_heavy(made: Toy) -> None:
    script = """
import sys
from ml_assets.engine.plan import planner_here
plan = planner_here().plan(look=False)
print(sorted({item.status for item in plan.cells}))
heavy = {"dagster", "mlflow", "pandas", "pyarrow", "numpy", "sklearn", "lightgbm", "toy"}
print(sorted(heavy & set(sys.modules)))
"""
    assert processes.run(script, cwd=made.root).splitlines() == ["['reuse']", "[]"]


def test_a_planner_for_the_current_folder(made: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.root)
    monkeypatch.delenv("ML_ASSETS_HOME", raising=False)
    monkeypatch.delenv("ML_ASSETS_ENV", raising=False)
    planner = planner_here()
    made.homes.append(planner.home)
    assert planner.home.root == made.root / "data"
