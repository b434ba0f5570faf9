"""What a person sees: lineage, an asset, its checks and plots, MLflow; no error in any page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml_assets_tests.browser.pages import Pages, served
from ml_assets_tests.prepared import prepared_site

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with prepared_site(tmp_path_factory, "pages") as site:
        site("pause")
        with served(site) as pages:
            yield pages


def test_the_lineage_of_a_model(pages: Pages) -> None:
    page = pages.open(
        f"{pages.dagster}/locations/ml_assets/asset-groups/forecast/lineage", "features"
    )
    for asset in ("candidate", "evaluation_report", "train_split"):
        page.get_by_text(asset).first.wait_for()
    assert pages.wrong == []


def test_an_asset_its_checks_and_its_plots(pages: Pages) -> None:
    asset = f"{pages.dagster}/assets/sales/cleaned"
    page = pages.open(asset, "Rows that keep the contract")
    page.get_by_text("promo").first.wait_for()
    pages.open(f"{asset}?view=checks", "row_accounting")
    pages.open(f"{asset}?view=partitions", "2020-03")
    pages.open(f"{pages.dagster}/assets/forecast/evaluation_report?view=events", "test_mae")
    assert pages.wrong == []


def test_what_mlflow_shows(pages: Pages) -> None:
    page = pages.open(f"{pages.mlflow}/#/models/forecast-dev", "forecast-dev")
    page.get_by_text("candidate").first.wait_for()
    # MLflow's page asks for parts that its plain server does not have.
    assert [said for said in pages.wrong if "404 (Not Found)" not in said] == []
