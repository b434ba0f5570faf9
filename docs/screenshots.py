"""Make the screenshots of the docs: `python -m docs.screenshots`.

Serves the pages of the home in use as `ml-assets up` does, opens them in Chromium and writes
`docs/images/*.png`. `make demo UI=0` and then December make a home with two candidates.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from ml_assets.children.ports import free_port
from ml_assets.cli.servers import HOST, serving
from ml_assets.engine.plan import Planner, planner_here
from ml_assets.engine.reports import page, report_of
from ml_assets.graph.report import VIEW

IMAGES = Path(__file__).with_name("images")
MODEL, DATASET = "flight_delay", "flights"
PATIENCE = 120_000.0
"""Milliseconds within which a text must be on the page."""
SETTLED = 3_000.0
"""Milliseconds after which a page that shows its text has drawn the rest."""
LOADING = "Loading..."
"""What Dagster shows until an asset's state is there."""
COLOURS = 128


@dataclass(frozen=True)
class Shot:
    """A picture: its name, address, size, a text on it, and what to do on the page before."""

    name: str
    address: str
    text: str
    size: tuple[int, int] = (1400, 900)
    act: Callable[[Page], None] | None = None


def main() -> None:
    """Serve the pages, and write each picture."""
    planner = planner_here()
    ports = free_port(), free_port()
    with serving(planner.workspace, *ports), chromium() as browser:
        dagster, mlflow = (f"http://{HOST}:{port}" for port in ports)
        for shot in [*_of_reports(planner), *_of_dagster(dagster), *_of_mlflow(planner, mlflow)]:
            _take(browser, shot)


def _of_reports(planner: Planner) -> Iterator[Shot]:
    for name, picture, text in (
        (MODEL, "evaluation_report", "Leaderboard"),
        (DATASET, "quality_report", "Selection bias"),
    ):
        file = page(planner.home, report_of(planner, name).current)
        yield Shot(picture, file.as_uri(), text, (1000, 900))


def _of_dagster(base: str) -> Iterator[Shot]:
    lineage = f"{base}/locations/ml_assets/asset-groups/{MODEL}/lineage"
    yield Shot("lineage", lineage, "evaluation_report", (1100, 1300), _fit)
    quality = f"{base}/assets/{DATASET}/quality_report"
    yield Shot("checks", f"{quality}?view=checks&checkDetail=drift", "do not pass", act=None)
    yield Shot("plots", quality, "What came in", (1400, 1000), _show_plots)


def _of_mlflow(planner: Planner, base: str) -> Iterator[Shot]:
    from ml_assets.adapters.mlflow.client import opened

    client = opened(planner.home)
    experiment = client.get_experiment_by_name(f"{MODEL}-{planner.home.env}")
    assert experiment is not None, f"no candidate of {MODEL} is in MLflow: ml-assets run"
    place = experiment.experiment_id
    runs = client.search_runs([place], "tags.`ml_assets.asset` != ''", max_results=2)
    run = f"{base}/#/experiments/{place}/runs/{runs[0].info.run_id}{VIEW}"
    yield Shot("mlflow_run", run, "Metrics", (1500, 950), _close_assistant)
    chosen = json.dumps([one.info.run_id for one in runs], separators=(",", ":"))
    compare = f'{base}/#/compare-runs?runs={chosen}&experiments=["{place}"]&{VIEW[1:]}'
    yield Shot("mlflow_compare", compare, "test_mae", (1200, 1500), _show_tables)


def _fit(page: Page) -> None:
    """Hide the navigation, and let the graph run down the page, where its words stay large."""
    page.get_by_text("Hide navigation").click()
    page.evaluate("localStorage.setItem('asset-graph-direction', JSON.stringify('vertical'))")
    page.reload()
    page.get_by_text("evaluation_report").first.wait_for()
    page.wait_for_timeout(SETTLED)
    # A double click beside the graph fits all of it into the page.
    page.mouse.dblclick(900, 250)


def _show_plots(page: Page) -> None:
    page.get_by_text("Plots", exact=True).click()
    page.locator("canvas").first.wait_for()


def _close_assistant(page: Page) -> None:
    close = page.locator('[data-component-id="mlflow.assistant.chat_panel.close"]')
    if close.count():
        close.first.click()


def _show_tables(page: Page) -> None:
    _close_assistant(page)
    page.get_by_text("Visualizations").click()
    for section in range(2):  # parameters, metrics
        page.get_by_text("Show diff only").nth(section).click()
    page.get_by_text("Visualizations").scroll_into_view_if_needed()


def _take(browser: Browser, shot: Shot) -> None:
    page = browser.new_page(viewport={"width": shot.size[0], "height": shot.size[1]})
    page.set_default_timeout(PATIENCE)
    page.goto(shot.address)
    page.get_by_text(shot.text).first.wait_for()
    page.wait_for_timeout(SETTLED)
    if shot.act is not None:
        shot.act(page)
        page.wait_for_timeout(SETTLED)
    page.wait_for_function(f"!document.body.innerText.includes('{LOADING}')")
    _write(IMAGES / f"{shot.name}.png", page.screenshot())
    page.close()


def _write(path: Path, png: bytes) -> None:
    """Write a picture with few colours, which is a third of the bytes."""
    from PIL import Image

    Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS).save(path, optimize=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Open the system's Chromium, without a window; RuntimeError where there is none."""
    found = shutil.which("chromium")
    if found is None:
        raise RuntimeError("no Chromium here: install Debian's `chromium`; `make test` does")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


if __name__ == "__main__":
    main()
