"""What a person sees: lineage, an asset, its checks and plots, MLflow; no error in any page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ml_assets.adapters.mlflow.client import opened
from ml_assets_tests.browser.pages import Pages, served, wait_until
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.prepared import prepared_site
from ml_assets_tests.projects import REFUSED

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two candidates, the second with a refused batch left out."""
    with prepared_site(tmp_path_factory, "pages") as made:
        made.toy.land_all(["2020-07"])
        made.toy.land("prices", "2020-08")
        made.toy.land("sales", "2020-08", REFUSED)
        assert made.json("run")["success"]
        made("pause")
        yield made


@pytest.fixture(scope="module")
def pages(site: Site) -> Iterator[Pages]:
    with served(site) as found:
        yield found


def test_the_lineage_of_a_model(pages: Pages) -> None:
    page = pages.open(
        f"{pages.dagster}/locations/ml_assets/asset-groups/forecast/lineage", "features"
    )
    for asset in ("candidate", "evaluation_report", "train_split", "champion", "release"):
        page.get_by_text(asset).first.wait_for()
    assert pages.wrong == []


def test_an_asset_its_columns_and_first_rows(pages: Pages) -> None:
    page = pages.open(f"{pages.dagster}/assets/sales/cleaned", "Rows that satisfy the contract")
    page.get_by_text("-100…1000").first.wait_for()
    batch = f"{pages.dagster}/assets/sales/cleaned?view=partitions&partition=2020-03"
    page = pages.open(batch, "preview")
    page.get_by_text("First 5 of 27 rows.").first.wait_for()
    assert pages.wrong == []


def test_a_red_check_names_its_batch(pages: Pages) -> None:
    check = f"{pages.dagster}/assets/sales/cleaned?view=checks&checkDetail=contract"
    page = pages.open(check, "1 of 8 batches does not pass: 2020-08.")
    page.get_by_text("batches_failed").first.wait_for()
    page.get_by_text("Failed").first.wait_for()
    assert pages.wrong == []


def test_a_quality_report_inline_and_its_figures_over_batches(pages: Pages) -> None:
    asset = f"{pages.dagster}/assets/sales/quality_report"
    page = pages.open(f"{asset}?view=partitions&partition=2020-04", "report_file")
    page.get_by_text("30 landed").first.wait_for()
    page = pages.open(asset, "Statistics, drift and gaps")
    page.get_by_text("Plots", exact=True).click()
    page.get_by_text("volume_rows", exact=True).first.wait_for()
    page.locator("canvas").first.wait_for()
    assert pages.wrong == []


def test_an_evaluation_report_leads_to_mlflow(pages: Pages) -> None:
    page = pages.open(f"{pages.dagster}/assets/forecast/evaluation_report", "test_mae")
    link = page.locator("a[href*='/#/experiments/1/runs/']").first
    assert link.get_attribute("href", timeout=60_000)
    page.get_by_text("forecast-evaluation_report-v1.html").first.wait_for()
    assert pages.wrong == []


def test_what_is_printed_and_shown_of_a_report_opens_as_a_page(site: Site, pages: Pages) -> None:
    printed = [
        site.json("status", "forecast")["candidate"]["report"],
        site.json("report", "sales")["file"],
    ]
    page = pages.open(f"{pages.dagster}/assets/forecast/evaluation_report", "test_mae")
    printed.append(page.get_by_text("forecast-evaluation_report-v1.html").first.inner_text())
    for path, heading in zip(printed, ("evaluation report", "quality report") * 2, strict=False):
        found = pages.open(Path(path).as_uri(), heading)
        assert found.evaluate("document.contentType") == "text/html"
    assert pages.wrong == []


def test_materialize_is_pressed_and_reuses_what_is_there(site: Site, pages: Pages) -> None:
    before = site.digests()
    with site.dagster() as instance:
        known = {run.run_id for run in instance.get_runs()}

        def new() -> list[dg.DagsterRun]:
            return [run for run in instance.get_runs() if run.run_id not in known]

        page = pages.open(f"{pages.dagster}/assets/forecast/train_split", "Materialize")
        page.get_by_role("button", name="Materialize").first.click()
        wait_until(lambda: bool(new()) and all(run.is_finished for run in new()))
        assert [run.status.value for run in new()] == ["SUCCESS"]
        # Its log comes by a websocket.
        pages.open(f"{pages.dagster}/runs/{new()[0].run_id}", "RUN_SUCCESS")
        event = instance.get_latest_materialization_event(dg.AssetKey(["forecast", "train_split"]))
        assert event is not None
        assert event.run_id == new()[0].run_id
    shown = event.asset_materialization
    assert shown is not None
    assert shown.metadata["reused"].value is True
    assert (shown.tags or {})["dagster/data_version"] == before["forecast/train_split"]
    assert site.digests() == before
    assert pages.wrong == []


def test_what_mlflow_shows(site: Site, pages: Pages) -> None:
    with site.store() as home:
        client = opened(home)
        place = client.get_experiment_by_name("forecast-dev")
        assert place is not None
        found = client.search_runs([place.experiment_id], "tags.`ml_assets.asset` != ''")
        names = {str(run.info.run_name) for run in found}
        ids = [run.info.run_id for run in found]
    model = pages.open(f"{pages.mlflow}/#/models/forecast-dev", "Units sold, known at opening.")
    for text in ("champion", "ml_assets.environment"):
        model.get_by_text(text).first.wait_for()
    version = pages.open(f"{pages.mlflow}/#/models/forecast-dev/versions/2", "beats_baseline")
    version.get_by_text("promo").first.wait_for()
    run = pages.open(f"{pages.mlflow}/#/experiments/1/runs/{ids[0]}", "Child runs")
    for text in ("median", "linear", "test_mae", "trivial baseline"):
        run.get_by_text(text).first.wait_for()
    files = pages.open(f"{pages.mlflow}/#/experiments/1/runs/{ids[0]}/artifacts", "report.html")
    files.get_by_text("report.html").first.click()
    shown = files.frame_locator("iframe").get_by_role("heading", name="forecast")
    shown.first.wait_for()
    chosen = json.dumps(ids, separators=(",", ":"))
    compare = f'{pages.mlflow}/#/compare-runs?runs={chosen}&experiments=["1"]'
    both = pages.open(compare, "Comparing 2 Runs")
    for text in ("test_mae", "test_mae_baseline", "settings.alpha", *names):
        both.get_by_text(text).first.wait_for()
    # MLflow's page asks for parts that its plain server does not have.
    assert [said for said in pages.wrong if "404 (Not Found)" not in said] == []
