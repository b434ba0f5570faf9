"""Making units on the store: what runs, what is reused, and what survives a fault."""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.make import Maker
from ml_assets.engine.recipes.candidate import fit_action, learning
from ml_assets.engine.run import Recent
from ml_assets.engine.session import Made
from ml_assets.store.objects import Objects
from ml_assets.store.records import Current
from ml_assets_tests import processes
from ml_assets_tests.projects import (
    AFTER_FEATURES,
    FEATURES,
    FORECAST,
    HELPERS,
    MONTHS,
    REFUSED,
    SALES,
    Toy,
    prices,
    sales,
)

JAN, FEB, MAR, APR, MAY, JUN = MONTHS
JUL = "2020-07"


def _each(asset: str) -> set[str]:
    return {f"{asset}@{month}" for month in MONTHS}


def _batch(dataset: str, month: str) -> set[str]:
    return {f"{dataset}/{name}@{month}" for name in ("raw", "cleaned", "quarantine")}


def _current(toy: Toy, cell: str, env: str = "dev") -> Current:
    asset, _, partition = cell.partition("@")
    found = toy.planner(env).home.records.current(env, asset, partition)
    assert found is not None
    return found


def _table(toy: Toy, cell: str, output: str) -> pa.Table:
    return toy.planner().home.objects.table(_current(toy, cell).outputs[output].digest)


class Counted(Objects):
    """Objects that count what is read."""

    def __init__(self, objects: Objects) -> None:
        super().__init__(objects.root, objects._state)
        self.reads: Counter[str] = Counter()

    def read(self, digest: str) -> bytes:
        self.reads[digest] += 1
        return super().read(digest)


# --- only what changed ------------------------------------------------------


def test_everything_is_made_bottom_up(made: Toy) -> None:
    held = made.digests()
    assert len(held) == 12 * 4 + 6 + 7
    cleaned = _table(made, f"sales/cleaned@{JAN}", "cleaned")
    assert cleaned.num_rows == 27, "three of thirty are returns"
    assert _current(made, f"sales/cleaned@{JAN}").facts["filtered"] == {"returned": 3}
    features = _table(made, f"forecast/features@{FEB}", "features")
    assert set(features["rise"].to_pylist()) == {1.0}, "a month before, all was 1 cheaper"
    facts = _current(made, "forecast/candidate").facts
    assert (facts["chosen"], facts["baseline"]) == ("linear", "median")
    metrics = _current(made, "forecast/evaluation_report").facts["metrics"]
    assert metrics["test"]["mae"] < metrics["baseline"]["mae"]
    checks = _current(made, f"sales/cleaned@{JAN}").checks
    assert {check["name"]: check["passed"] for check in checks} == {
        "contract": True,
        "row_accounting": True,
        "key_unique": True,
        "batch_period": None,
    }


def test_a_second_run_reuses_everything(made: Toy) -> None:
    before = made.digests()
    ran = made.make()
    assert set(ran.states.values()) == {"reused"}
    assert len(ran.states) == len(before)
    assert made.digests() == before
    assert made.plan().todo == []


def test_what_is_kept_is_not_held_in_memory(made: Toy) -> None:
    """A run can make thousands of cells."""
    planner = made.planner()
    maker = Maker(planner, "again")
    units = [Unit("sales", "batch", month) for month in MONTHS]
    before = sum(type(item) is Made for item in gc.get_objects())
    outcomes = maker.make(units, {"sales/cleaned", "sales/raw"})
    assert [len(outcome.current) for outcome in outcomes] == [2] * len(MONTHS)
    assert sum(type(item) is Made for item in gc.get_objects()) == before


def test_hits_load_none_of_their_inputs(made: Toy) -> None:
    planner = made.planner()
    counted = planner.home.objects = Counted(planner.home.objects)
    maker = Maker(planner, "again")
    units = [Unit("sales", "batch", month) for month in MONTHS]
    units += [Unit("forecast", "features", month) for month in MONTHS]
    kinds = ("splits", "candidate", "evaluation_report", "champion", "release")
    units += [Unit("forecast", kind) for kind in kinds]
    assets = {cell.asset for unit in units for cell in unit.cells()}
    outcomes = [outcome for unit in units for outcome in maker.make([unit], assets)]
    assert all(outcome.current and not outcome.executed for outcome in outcomes)
    tables = {
        ref.digest
        for outcome in outcomes
        for current in outcome.current
        for ref in current.outputs.values()
        if ref.kind in ("table", "bytes")
    }
    assert not tables & set(counted.reads)
    kinds = [json.loads(Objects.read(counted, digest)) for digest in counted.reads]
    assert kinds, "only small documents are read: summaries, the leaderboard, the metrics"


def test_an_edit_runs_features_onward_and_nothing_before(made: Toy) -> None:
    before = made.digests()
    made.edit(HELPERS, ".astype(float)", ".astype(float) * 2.0")
    ran = made.make()
    # The candidate is refused, so that the champion, and its release, stay.
    made_anew = AFTER_FEATURES - {"forecast/release"}
    assert ran.having("executed") == _each("forecast/features") | made_anew
    assert ran.having("reused") == set(before) - ran.having("executed")
    after = made.digests()
    changed = {cell for cell in before if after[cell] != before[cell]}
    assert changed >= _each("forecast/features")
    made.publish()
    assert made.plan().todo == []


def test_going_back_is_all_reuse(made: Toy) -> None:
    before = made.digests()
    made.edit(HELPERS, ".astype(float)", ".astype(float) * 2.0")
    made.make("forecast/*")
    made.edit(HELPERS, " * 2.0", "")
    assert set(made.make("forecast/*").states.values()) == {"reused"}
    assert made.digests() == before
    versions = made.planner().home.records.versions("forecast/features", JAN)
    assert [version.number for version in versions] == [0, 1]
    assert _current(made, f"forecast/features@{JAN}").number == 0


def test_a_comment_runs_nothing(made: Toy) -> None:
    made.edit(HELPERS, '"""What several', '# A comment.\n"""What several')
    assert set(made.make().states.values()) == {"reused"}


def test_an_edit_that_leaves_the_output_the_same_is_cut_off(made: Toy) -> None:
    before = made.digests()
    made.edit(HELPERS, ".astype(float)", ".astype(float) + 0.0")
    ran = made.make()
    assert ran.having("executed") == _each("forecast/features")
    assert made.digests() == before


def test_a_correction_reaches_only_what_looks_back_to_it(made: Toy) -> None:
    made.land("prices", MAR, prices(MAR, extra=0.5))
    ran = made.make()
    features = {f"forecast/features@{month}" for month in (MAR, APR)}
    # March's batch and April's, which looks back (`previous: 1`); then what was learned from them.
    # In the prices' reference are January to March: their reports compare themselves anew.
    reports = ran.having("executed") & _each("prices/quality_report")
    assert f"prices/quality_report@{MAR}" in reports
    learned = AFTER_FEATURES - {"forecast/release"}
    assert ran.having("executed") == _batch("prices", MAR) | features | learned | reports
    rise = _table(made, f"forecast/features@{APR}", "features")["rise"]
    assert set(rise.to_pylist()) == {0.5}


def test_one_more_month_rolls_the_folds(made: Toy) -> None:
    assert set(_table(made, "forecast/test_split", "test")["batch"].to_pylist()) == {MAY, JUN}
    made.land_all([JUL])
    ran = made.make()
    new = (
        _batch("sales", JUL)
        | _batch("prices", JUL)
        | {f"forecast/{name}@{JUL}" for name in ("features", "predictions")}
    )
    new |= {f"{dataset}/quality_report@{JUL}" for dataset in ("sales", "prices")}
    assert ran.having("executed") == new | AFTER_FEATURES
    assert set(_table(made, "forecast/test_split", "test")["batch"].to_pylist()) == {JUN, JUL}
    made.land_all([JUL])
    assert set(made.make().states.values()) == {"reused"}


def test_a_family_more_trains_that_family_alone(made: Toy) -> None:
    before = _current(made, "forecast/candidate").actions
    made.edit(
        FORECAST,
        "linear: {family: linear}",
        "linear: {family: linear}\n      more: {family: median}",
    )
    made.make("forecast/candidate")
    after = _current(made, "forecast/candidate").actions
    same = {part for part in before if after.get(part) == before[part]}
    assert same >= {"fit:median", "fit:linear", "refit:median", "refit:linear"}
    assert set(after) - same == {"fit:more", "choose"}


def test_without_a_refit_the_fitted_model_is_the_candidate(made: Toy) -> None:
    made.edit(FORECAST, "    metric: mae\n", "    metric: mae\n    refit: none\n")
    assert made.make("forecast/candidate").faults == []
    actions = _current(made, "forecast/candidate").actions
    assert set(actions) == {"fit:median", "fit:linear", "choose"}


# --- force and verify -------------------------------------------------------


def test_force_makes_again_what_was_selected(made: Toy) -> None:
    before = made.digests()
    ran = made.make("prices/*", force=True)
    batches = set().union(*(_batch("prices", month) for month in MONTHS))
    assert ran.having("executed") == batches | _each("prices/quality_report")
    assert made.digests() == before
    assert len(made.planner().home.records.versions("prices/raw", JAN)) == 1


def test_verify_compares_and_changes_nothing(made: Toy) -> None:
    before = made.digests()
    ran = made.make(verify=True)
    assert ran.faults == []
    # A decision that is on the log is not made again.
    assert ran.having("reused") == {"forecast/champion"}
    assert made.digests() == before
    assert made.plan().todo == []


TICKING = """TICKS = iter(range(1000))


def price_of(sales, prices):"""


def test_verify_names_what_is_not_deterministic(made: Toy) -> None:
    made.edit(HELPERS, "def price_of(sales, prices):", TICKING)
    made.edit(HELPERS, ".astype(float)", ".astype(float) + next(TICKS)")
    assert made.make("forecast/features").faults == []
    before = made.digests()
    ran = made.make("forecast/features", verify=True)
    assert made.digests() == before
    assert ran.having("failed") == _each("forecast/features")
    assert ran.faults[0] == (
        f"forecast/features@{JAN}: features (ml_assets.stages.features:features) gave a "
        "different features for the same inputs: it is not deterministic, or reads something "
        "that is not an input"
    )


# --- faults -----------------------------------------------------------------

FAULTY = """def build(sales, prices, prices_previous):
    if (sales["day"].dt.month == 3).any():
        raise ValueError("no March")
"""


def test_a_fault_in_one_batch_leaves_the_others_done(made: Toy) -> None:
    march = f"forecast/features@{MAR}"
    before = made.digests()
    made.edit(FEATURES, "def build(sales, prices, prices_previous):\n", FAULTY)
    made.edit(HELPERS, ".astype(float)", ".astype(float) * 2.0")
    ran = made.make("forecast/features")
    assert ran.having("failed") == {march}
    assert ran.having("executed") == _each("forecast/features") - {march}
    (fault,) = ran.faults
    assert fault.startswith(f"{march}: forecast/features.py:build raised ValueError at line ")
    assert fault.endswith("no March")
    after = made.digests()
    assert after[march] == before[march]
    assert {cell for cell in after if after[cell] != before[cell]} == ran.having("executed")
    assert {str(i.cell) for i in made.plan("forecast/features").having("run")} == {march}
    made.edit(FEATURES, 'raise ValueError("no March")', "pass")
    ran = made.make("forecast/features")
    assert (ran.faults, ran.having("executed")) == ([], _each("forecast/features"))


def test_the_next_run_goes_on_where_a_fault_was_mended_outside(made: Toy) -> None:
    flag = made.root / "broken"
    flag.touch()
    body = f"def build(sales, prices, prices_previous):\n    open({str(flag)!r}).close() if "
    body += '(sales["day"].dt.month != 3).all() else 1 / (not __import__("os").path.exists('
    body += f"{str(flag)!r}))\n"
    made.edit(FEATURES, "def build(sales, prices, prices_previous):\n", body)
    assert made.make("forecast/features").having("failed") == {f"forecast/features@{MAR}"}
    flag.unlink()
    ran = made.make("forecast/features")
    assert (ran.faults, ran.having("executed")) == ([], {f"forecast/features@{MAR}"})


def test_an_unexpected_error_keeps_its_trace(made: Toy) -> None:
    def boundary(dataset: str, table: pa.Table) -> None:
        raise RuntimeError(f"{dataset} has {table.num_rows} rows")

    planner = made.planner()
    made.edit(SALES, "quarantine_budget: 0.1", "quarantine_budget: 0.2")
    planner = made.planner()
    maker = Maker(planner, "run", boundary=boundary)
    (outcome,) = maker.make([Unit("sales", "batch", JAN)], {"sales/cleaned"})
    assert outcome.fault == f"sales/batch@{JAN}: RuntimeError: sales has 27 rows"
    assert "in boundary" in outcome.trace
    assert planner.home.records.current("dev", "sales/cleaned", JAN) is not None


def test_what_json_cannot_hold_is_a_fault_of_the_check(made: Toy) -> None:
    (made.root / "toy/defs/sales/own.py").write_text(
        "def check(frame):\n    return True, {'share': float('nan')}\n"
    )
    made.edit(SALES, "quarantine_budget: 0.1", "checks: {share: own.py:check}")
    ran = made.make("sales/cleaned", only=JAN)
    assert ran.having("failed") == {f"sales/cleaned@{JAN}"}
    assert "own.py:check returned metadata that is not plain JSON" in ran.faults[0]
    assert made.plan("sales/cleaned").todo != [], "and the plan can still be made"


def test_own_checks_are_kept_with_the_asset(made: Toy) -> None:
    text = "def full(frame):\n    return len(frame) == {}, {{'rows': len(frame)}}\n"
    (made.root / "toy/defs/sales/own.py").write_text(text.format(27))
    (made.root / "toy/defs/forecast/own.py").write_text(text.format(3))
    made.edit(SALES, "  quarantine_budget", "  checks: {full: own.py:full}\n  quarantine_budget")
    made.edit(FORECAST, "  split:", "  checks: {short: own.py:full}\n  split:")
    assert made.make("*/cleaned or forecast/features").faults == []
    for cell, name, passed in (
        (f"sales/cleaned@{JAN}", "full", True),
        (f"forecast/features@{JAN}", "short", False),
    ):
        (check,) = [c for c in _current(made, cell).checks if c["name"] == name]
        assert (check["passed"], check["metadata"]["rows"]) == (passed, 27)
    assert set(made.make("*/cleaned or forecast/features").states.values()) == {"reused"}


@pytest.mark.parametrize("damage", ["flipped", "deleted"])
def test_a_damaged_object_is_healed_within_the_run(made: Toy, damage: str) -> None:
    before = made.digests()
    path = made.planner().home.objects.path(before[f"sales/cleaned@{FEB}"])
    data = path.read_bytes()
    path.unlink() if damage == "deleted" else path.write_bytes(data[:-9] + b"x" + data[-8:])
    made.edit(HELPERS, ".astype(float)", ".astype(float) + 0.0")
    ran = made.make("forecast/features")
    assert ran.faults == []
    assert made.digests() == before
    assert path.read_bytes() == data


def test_landed_bytes_are_healed_from_the_landing_folder(made: Toy) -> None:
    planner = made.planner()
    landed = _current(made, f"sales/raw@{FEB}").facts["landing"]
    path = planner.home.objects.path(landed)
    path.write_bytes(b"x" * path.stat().st_size)
    made.edit(SALES, "known_at: closing}", "known_at: closing, unit: pieces}")
    assert made.make("sales/raw", only=FEB).faults == []
    assert path.read_bytes() == sales(FEB)


def test_landed_bytes_that_are_gone_everywhere_are_named(made: Toy) -> None:
    planner = made.planner()
    landed = _current(made, f"sales/raw@{FEB}").facts["landing"]
    planner.home.objects.path(landed).unlink()
    (planner.home.landing / "sales" / f"sales-{FEB}.csv").write_bytes(b"other")
    made.edit(SALES, "known_at: closing}", "known_at: closing, unit: pieces}")
    ran = made.make("sales/raw")
    assert ran.having("failed") == {f"sales/raw@{FEB}"}
    assert landed in ran.faults[0]
    assert len(ran.having("executed")) == 5


# --- code that moves --------------------------------------------------------


def test_code_edited_while_it_runs_is_dropped(made: Toy) -> None:
    path = made.root / HELPERS
    before = made.digests()
    edit = f"\n    from pathlib import Path\n    path = Path({str(path)!r})\n"
    edit += "    path.write_text(path.read_text().replace('* 2.0', '* 3.0'))\n    known = dict"
    made.edit(HELPERS, "\n    known = dict", edit)
    made.edit(HELPERS, ".astype(float)", ".astype(float) * 2.0")
    ran = made.make("forecast/features", only=JAN)
    (fault,) = ran.faults
    assert fault == "toy.defs.forecast.helpers changed while it ran; the result was discarded"
    assert made.digests() == before
    made.forget()
    key = made.planner().session().make(Unit("forecast", "features", JAN))
    assert key[Cell("forecast/features", JAN)].status == "run", "no action was filed"


def test_a_module_that_was_edited_after_its_import_is_not_run(made: Toy) -> None:
    assert made.make("forecast/features", force=True).faults == []
    path = made.root / HELPERS
    path.write_text(path.read_text().replace(".astype(float)", ".astype(float) * 2.0"))
    ran = made.make("forecast/features")
    assert set(ran.faults) == {
        "toy.defs.forecast.helpers changed after this process imported it; restart"
    }
    assert ran.having("failed") == _each("forecast/features")


# --- environments -----------------------------------------------------------


def test_another_environment_reuses_what_this_one_made(made: Toy) -> None:
    plan = made.plan(env="prod")
    *others, release = [i for i in plan.cells if i.cell.name != "predictions"]
    assert {item.status for item in others} == {"reuse"}
    assert len(plan.todo) == len(others), "to be shown there"
    # Who is champion is each environment's own decision.
    assert (str(release.cell), release.status) == ("forecast/release", "wait")
    ran = made.make(env="prod")
    assert ran.having("executed") == {"forecast/release"}
    prod, dev = made.digests("prod"), made.digests("dev")
    assert {cell for cell in dev if prod[cell] != dev[cell]} == {"forecast/release"}


# --- refused, corrected, withdrawn ------------------------------------------


def _land_all(toy: Toy, dataset: str, month: str, content: bytes) -> None:
    """Land everything, one batch with another content."""
    for name in ("sales", "prices"):
        for each in MONTHS:
            toy.land(name, each, content if (name, each) == (dataset, month) else None)


def test_a_refused_batch_is_red_and_excluded_and_the_gate_sees_it(toy: Toy) -> None:
    toy.edit(
        "toy/defs/prices/defs.yaml", "  calendar: month\n", "  calendar: month\n  dummy: true\n"
    )
    _land_all(toy, "sales", FEB, REFUSED)
    ran = toy.make()
    assert ran.faults == []
    refused = _current(toy, f"sales/cleaned@{FEB}")
    assert refused.facts["usable"] is False
    assert refused.facts["refused"]
    red = {check["name"] for check in refused.checks if check["passed"] is False}
    assert red == {"contract"}
    assert _table(toy, f"sales/cleaned@{FEB}", "cleaned").num_rows == 0
    assert _table(toy, f"sales/quarantine@{FEB}", "quarantine").num_rows == 1
    assert _current(toy, "forecast/train_split").facts["excluded"] == [FEB]
    batches = _current(toy, "forecast/train_split").facts["batches"]
    assert batches == {"train": [JAN, MAR], "validation": [APR], "test": [MAY, JUN]}
    champion = _current(toy, "forecast/champion")
    decision = toy.planner().home.objects.json(champion.outputs["decision"].digest)
    lines = {line["rule"]: line for line in decision["rules"]}
    assert (lines["complete"]["passed"], lines["complete"]["got"]) == (True, [FEB])
    # Prices are said to be made up: nothing that was trained on them is promoted.
    assert (decision["verdict"], lines["real_data"]["passed"]) == ("refuse", False)
    assert "trained on dummy data" in decision["sentence"]


def test_on_refused_hold_waits(toy: Toy) -> None:
    _land_all(toy, "sales", FEB, REFUSED)
    toy.edit(FORECAST, "  split:", "  on_refused: hold\n  split:")
    ran = toy.make()
    # Without a champion nothing predicts the newest batch.
    assert ran.having("waiting") == AFTER_FEATURES | {"forecast/predictions@2020-06"}
    why = f"refused or withdrawn: {FEB}; on_refused is hold"
    assert ran.details["forecast/train_split"] == why
    assert {str(i.cell): i.reason for i in toy.plan().having("wait")}["forecast/candidate"] == (
        f"forecast waits: {why}"
    )
    toy.land("sales", FEB)
    assert toy.make().having("executed") >= AFTER_FEATURES


def test_a_refused_join_is_not_looked_back_to(toy: Toy) -> None:
    _land_all(toy, "prices", MAR, b"shop\nnorth\n")
    assert toy.make("*/cleaned or forecast/features").faults == []
    rise = _table(toy, f"forecast/features@{APR}", "features")["rise"]
    assert set(rise.to_pylist()) == {2.0}, "February, the last usable one before, was 2 cheaper"


def test_a_refused_correction_falls_back_to_the_last_good_landing(made: Toy) -> None:
    before = made.digests()
    made.land("sales", FEB, REFUSED)
    made.land("sales", FEB, REFUSED + b"2020-02-01,south\n")
    ran = made.make()
    after = made.digests()
    assert {cell for cell in after if after[cell] != before[cell]} == {
        f"sales/quarantine@{FEB}",
        f"sales/quality_report@{FEB}",
    }
    assert not ran.having("executed") & AFTER_FEATURES
    current = _current(made, f"sales/cleaned@{FEB}")
    assert current.facts["usable"] is True
    assert current.facts["refused"]
    versions = made.planner().home.batches.landed()["sales", FEB]
    assert current.facts["follows"] == versions[-1].digest
    (contract,) = [check for check in current.checks if check["name"] == "contract"]
    assert contract["passed"] is False
    assert _table(made, f"sales/quarantine@{FEB}", "quarantine").num_rows == 2


def test_a_withdrawn_batch_is_out_until_it_lands_again(made: Toy) -> None:
    before = made.digests()
    planner = made.planner()
    planner.home.batches.withdraw("dev", "sales", FEB, "wrong currency")
    plan = made.plan()
    assert {str(i.cell) for i in plan.having("run")} >= _batch("sales", FEB)
    assert made.make().faults == []
    facts = _current(made, f"sales/cleaned@{FEB}").facts
    assert (facts["usable"], facts["withdrawn"]) == (False, "wrong currency")
    assert _table(made, f"sales/cleaned@{FEB}", "cleaned").num_rows == 0
    assert _current(made, "forecast/train_split").facts["excluded"] == [FEB]
    assert made.plan(env="prod").having("run") == []
    made.publish()
    made.land("sales", FEB)
    assert made.make().having("executed") == set()
    assert made.digests() == before


# --- keeping and telling ----------------------------------------------------


def test_only_what_is_selected_is_kept(toy: Toy) -> None:
    toy.land_all()
    ran = toy.make("sales/quarantine")
    assert set(ran.states) == _each("sales/quarantine")
    assert set(toy.digests()) == _each("sales/quarantine")


def test_features_that_were_made_before_a_column_was_asked_for_are_named(made: Toy) -> None:
    made.edit(FORECAST, "  target: units\n", "  target: units\n  weight: units\n")
    (fault,) = made.make("forecast/candidate").faults
    assert fault.startswith(
        f"forecast/candidate: features {JAN} has no _weight: it was built before they were "
        "required; run its upstream assets too"
    )


def test_what_was_never_made_is_waited_for(toy: Toy) -> None:
    toy.land_all(MONTHS[:1])
    ran = toy.make("forecast/*")
    assert ran.states[f"forecast/features@{JAN}"] == "waiting"
    assert ran.states["forecast/candidate"] == "waiting"
    assert ran.details[f"forecast/features@{JAN}"] == (
        f"forecast/features@{JAN} waits: sales/cleaned@{JAN} was never materialized; "
        f"prices/cleaned@{JAN} was never materialized"
    )


def test_sources_and_machine_are_recorded(made: Toy) -> None:
    home = made.planner().home
    record = home.records.action(_current(made, f"forecast/features@{JAN}").actions["features"])
    assert record is not None
    assert record.name == f"forecast/features@{JAN}#features"
    assert record.machine["system"] == "Linux"
    sources = home.objects.json(record.sources)
    assert sources["toy.defs.forecast.helpers"] == (made.root / HELPERS).read_text()
    assert "ml_assets.stages.features" in sources


def test_the_newest_values_are_kept() -> None:
    recent = Recent(2)
    for name in ("a", "b", "c"):
        recent.keep(name, name)
    assert [recent.get(name) for name in ("a", "b", "c")] == [None, "b", "c"]


AHEAD = """
import sys
from pathlib import Path
from ml_assets.keys.code import Sources
from ml_assets.engine.plan import planner_here, units
from ml_assets.engine.run import ActionRunner

planner = planner_here()
sources = Sources(planner.workspace.roots)
session = planner.session(
    runner=ActionRunner(planner.workspace, planner.home, sources, token="token")
)
print("ready", flush=True)
for unit in units(session):
    session.make(unit)
"""


def test_two_processes_on_one_run_make_each_action_once(made: Toy) -> None:
    before, calls = made.digests(), made.root / "calls"
    note = f"    with open({str(calls)!r}, 'a') as file:\n        file.write('x\\n')\n"
    start = "def build(sales, prices, prices_previous):\n"
    made.edit(FEATURES, start, start + note)
    made.make("forecast/features", only=JAN)
    each = len(calls.read_text().split())
    other = processes.start(AHEAD, cwd=made.root)
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    ran = made.make(token="token")
    processes.finish(other)
    assert ran.faults == []
    assert ran.having("executed") >= _each("forecast/features") - {f"forecast/features@{JAN}"}
    assert len(calls.read_text().split()) == each * len(MONTHS)
    assert made.digests() == before


def test_a_copied_project_goes_on(made: Toy, tmp_path: Path) -> None:
    assert made.plan().todo == []
    assert isinstance(made.digests(), dict)
    found: Any = list((tmp_path / "project" / "data" / "objects" / "tmp").iterdir())
    assert found == []


# --- beside another process -------------------------------------------------

HOLDS = """
import sys
from pathlib import Path
from ml_assets.store.lock import KeyLocks

with KeyLocks(Path(sys.argv[1])).hold(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
"""


LAST = "matplotlib.backends.backend_svg"
"""What a report's stages import last."""


def test_what_another_process_makes_is_left_to_it_while_there_is_other_work(
    made: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.edit(FORECAST, "metric: mae", "metric: rmse")
    made.edit(SALES, "Sales of three stores.", "Sales of all stores.")
    planner = made.planner()
    session, unit = planner.session(), Unit("forecast", "candidate")
    inputs, _ = learning(session, unit)
    spec = planner.project.models["forecast"]
    fits = [
        session.keyed(fit_action(planner.workspace, "forecast", spec, family, inputs)).key
        for family in ("median", "linear")
    ]
    other = processes.start(HOLDS, planner.home.root / "locks", fits[1])
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    seen: list[bool] = []

    def free() -> None:
        """Let the key go once all else is made; too late where the run waits for it first."""
        home = made.planner().home
        wanted = f"{Unit('sales', 'quality_report', JAN)}#report"
        times = 1
        for _ in range(1200):
            times = [action.name for action in home.records.each_action()].count(wanted)
            if times == 2 and LAST in sys.modules:
                break
            time.sleep(0.1)
        seen.append(times == 2)
        seen.extend(home.records.action(key) is not None for key in fits)
        processes.finish(other)

    freer = threading.Thread(target=free)
    monkeypatch.delitem(sys.modules, LAST, raising=False)
    freer.start()
    to_come = [Unit("sales", "quality_report", JAN), Unit("forecast", "evaluation_report")]
    ran = made.make("forecast/candidate", token="a run", to_come=to_come)
    freer.join()
    assert LAST in sys.modules
    assert ran.states == {"forecast/candidate": "executed"}
    assert seen == [True, True, False]
    assert ran.seconds["forecast/candidate"] == pytest.approx(
        sum(
            action.seconds
            for key in _current(made, "forecast/candidate").actions.values()
            if (action := planner.home.records.action(key)) is not None
            and action.made_by == "a run"
        )
    )
    assert ran.seconds["forecast/candidate"] > 0
