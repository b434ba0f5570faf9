"""Runs over batches: what Dagster shows of each partition is exact."""

from __future__ import annotations

import dagster as dg
import pytest

from ml_assets.graph import runs
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.graph import events
from ml_assets_tests.projects import MONTHS, REFUSED, prices, sales

CHECKS = {
    "sales/cleaned": ("contract", "row_accounting", "key_unique", "batch_period"),
    "prices/cleaned": ("contract", "row_accounting", "key_unique", "batch_period"),
    "forecast/features": ("target_leakage", "row_independence"),
}


def test_one_run_made_partitioned_and_unpartitioned_assets(site: Site) -> None:
    ran = events.runs(site)
    assert list(ran.values())[-1] == "SUCCESS"
    with site.store() as home:
        made = {current.run_id for current in home.records.all_current("dev").values()}
        cells = {str(place) for place in home.records.all_current("dev")}
    assert made <= set(ran)
    assert len(cells) == 6 * 9 + 7


def test_every_partition_has_its_own_data_version(site: Site) -> None:
    held = site.digests()
    assert events.versions(site) == held
    assert len({held[f"sales/raw@{month}"] for month in MONTHS}) == 6


@pytest.mark.parametrize(("asset", "name"), [(a, n) for a, names in CHECKS.items() for n in names])
def test_every_partition_has_its_own_check(site: Site, asset: str, name: str) -> None:
    assert events.checks(site, asset, name) == dict.fromkeys(MONTHS, events.GREEN)
    assert events.check(site, asset, name).passed


@pytest.mark.parametrize(
    ("asset", "name"),
    [
        ("forecast/test_split", "fold_disjointness"),
        ("forecast/evaluation_report", "beats_baseline"),
        ("forecast/champion", "gate"),
    ],
)
def test_unpartitioned_checks(site: Site, asset: str, name: str) -> None:
    assert events.check(site, asset, name).passed


def test_nothing_to_do_launches_no_run(site: Site) -> None:
    before = events.runs(site)
    answer = site.json("run")
    assert (answer["run_id"], answer["executed"], answer["failed"]) == (None, [], [])
    assert len(answer["reused"]) == 6 * 9 + 7
    assert events.runs(site) == before


def test_a_refused_batch_is_red_alone_and_left_out_until_it_is_corrected(site: Site) -> None:
    site.toy.land("sales", "2020-07", REFUSED)
    site.toy.land("prices", "2020-07")
    first = site.json("run")
    assert first["success"]
    assert first["failed"] == []
    green = dict.fromkeys(MONTHS, events.GREEN)
    red = {**green, "2020-07": events.RED}
    assert events.checks(site, "sales/cleaned", "contract") == red
    assert events.checks(site, "prices/cleaned", "contract") == {**green, "2020-07": events.GREEN}
    assert not events.check(site, "sales/cleaned", "contract").passed
    said = events.check(site, "sales/cleaned", "contract", "2020-07").description
    assert "units" in (said or "")
    assert events.versions(site) == site.digests()
    assert _batches(site) == ["2020-05", "2020-06"]
    assert site.json("run")["run_id"] is None

    # A later green batch does not hide the red one.
    site.toy.land("sales", "2020-08")
    assert site.json("run", "group:sales")["success"]
    assert events.checks(site, "sales/cleaned", "contract")["2020-08"] is events.GREEN
    assert not events.check(site, "sales/cleaned", "contract").passed
    site("withdraw", "sales", "--batch", "2020-08", "--reason", "the test is over")
    assert site.json("run", "group:sales")["success"]

    site.toy.land("sales", "2020-07")
    second = site.json("run")
    assert {
        "sales/cleaned@2020-07",
        "forecast/features@2020-07",
        "forecast/predictions@2020-07",
    } <= set(second["executed"])
    assert events.checks(site, "forecast/predictions", "prediction_rows") == {
        "2020-07": events.GREEN
    }
    assert not [cell for cell in second["executed"] if "@" in cell and "2020-07" not in cell]
    assert events.checks(site, "sales/cleaned", "contract")["2020-07"] is events.GREEN
    assert events.check(site, "sales/cleaned", "contract").passed
    assert _batches(site) == ["2020-06", "2020-07"]


def test_a_refused_correction_leaves_the_last_good_rows_in_use(site: Site) -> None:
    before = site.digests()
    site.toy.land("sales", "2020-03", REFUSED)
    answer = site.json("run")
    assert answer["success"]
    after = site.digests()
    changed = {cell for cell in before if before[cell] != after[cell]}
    assert changed == {"sales/quarantine@2020-03", "sales/quality_report@2020-03"}
    assert events.checks(site, "sales/cleaned", "contract")["2020-03"] is events.RED
    assert events.versions(site) == after

    site.toy.land("sales", "2020-03", sales("2020-03"))
    assert site.json("run")["success"]
    assert site.digests() == before
    assert events.versions(site) == before
    assert events.checks(site, "sales/cleaned", "contract")["2020-03"] is events.GREEN


def test_a_correction_redoes_what_depends_on_its_content(site: Site) -> None:
    assert events.stale(site, "forecast/features") == set()
    site.toy.land("prices", "2020-02", prices("2020-02", extra=0.5))
    first = site.json("run", "group:prices")
    stale = events.stale(site, "forecast/features")
    assert {"2020-02"} <= stale < set(MONTHS)
    answer = site.json("run")
    assert events.stale(site, "forecast/features") == set()
    batched = {cell for cell in [*first["executed"], *answer["executed"]] if "@" in cell}
    assert batched == {
        *(f"prices/{name}@2020-02" for name in ("raw", "cleaned", "quarantine")),
        # February's own; January's makes the reference anew, which is the same for the others.
        *(f"prices/quality_report@{month}" for month in ("2020-01", "2020-02")),
        "forecast/features@2020-02",
        "forecast/features@2020-03",
    }
    assert "forecast/candidate" in answer["executed"]
    assert events.versions(site) == site.digests()
    site.toy.land("prices", "2020-02")
    again = site.json("run")
    # Back at content that is known: nothing is computed, all is shown again.
    assert again["executed"] == []
    assert events.versions(site) == site.digests()


def test_a_withdrawn_batch_is_taken_out_until_it_lands_again(site: Site) -> None:
    before = site.digests()
    said = site("withdraw", "sales", "--batch", "2020-06", "--reason", "wrong shop").out
    assert "2020-06" in said
    answer = site.json("run")
    assert answer["success"]
    assert _batches(site) == ["2020-04", "2020-05"]
    assert events.versions(site) == site.digests()
    assert site.json("run")["run_id"] is None
    site.toy.land("sales", "2020-06")
    assert site.json("run")["success"]
    assert site.digests() == before


def test_a_file_that_vanished_changes_nothing_but_a_warning(site: Site) -> None:
    (site.home / "landing" / "sales" / "sales-2020-01.csv").unlink()
    answer = site("run", "--json")
    assert answer.document["run_id"] is None
    assert answer.document["executed"] == []
    assert "the landed file of sales@2020-01 is gone" in answer.err


def _batches(site: Site) -> list[str]:
    """Return the batches of the test fold."""
    with site.store() as home:
        split = home.records.current("dev", "forecast/test_split")
        assert split is not None
        return sorted(set(home.objects.table(split.outputs["test"].digest)["batch"].to_pylist()))


def test_a_run_that_never_began_blocks_for_a_while_only(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So does a full disk leave it: created, but its first event could not be written.
    name = "1" * 32
    with site.dagster() as instance, site.store() as home:
        instance.add_run(dg.DagsterRun(job_name="materialize", run_id=name))
        runs.fail_dead(instance, home)
        assert runs.in_progress(instance) == [name]
        monkeypatch.setattr(runs, "SILENT", 0.0)
        runs.fail_dead(instance, home)
        assert runs.in_progress(instance) == []
    assert events.runs(site)[name] == "FAILURE"
