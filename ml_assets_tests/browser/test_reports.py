"""The HTML reports in a browser: names that look like HTML, a telephone, the keyboard, print."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from playwright.sync_api import Browser, Page

from docs.screenshots import chromium
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flights import METRIC, World
from ml_assets_tests.stages.quality_batches import report_of, rows, table
from ml_assets_tests.stages.test_evaluate import run

EVIL = "<img src=x onerror=window.__pwned=1> ☃ |"
SCRIPT = "</td><script>window.__pwned=1</script>"
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def evaluation(task: str) -> bytes:
    """Return a report of a model whose feature, category, class and slice look like HTML."""
    world = World(task, rows=60)
    world.change("_slice_origin", pa.array([SCRIPT, EVIL, "a b"] * 20))
    carriers = pa.array([SCRIPT, EVIL, "日本"] * 20).dictionary_encode()
    world.change("carrier", carriers)
    world.columns = {EVIL if name == "hour" else name: c for name, c in world.columns.items()}
    for day, handle in world.features.items():
        named = [EVIL if name == "hour" else name for name in handle.table().column_names]
        world.features[day] = given(handle.table().rename_columns(named), day)
    if task == "multiclass":
        world.change("_target", pa.array([SCRIPT, EVIL, "on time"] * 20))
    return bytes(run(world, intervals={"resamples": 100}).outputs["report"])


def quality() -> bytes:
    """Return a report of a batch whose column, values and reason look like HTML."""
    columns: dict[str, Any] = {
        "at": {"type": "timestamp"},
        EVIL: {"type": "number", "description": SCRIPT},
        "日本 b": {"type": "category"},
    }
    made = rows(28, 20, seed=3)
    values = {
        "at": made["at"].cast(pa.int64()).to_pylist(),
        EVIL: made["size"].to_pylist(),
        "日本 b": [SCRIPT, EVIL, "a"] * 186 + ["a", "a"],
    }
    raw = table(values, columns)
    filters = [{"id": "small", "expression": "at.dt.day > 25", "reason": SCRIPT}]
    return report_of(
        raw,
        {"2019": raw.slice(0, 300)},
        columns=columns,
        slices=("日本 b",),
        clean_parts={"filters": filters},
    ).page.encode()


@pytest.fixture(scope="module", params=[*METRIC, "quality"])
def page(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    content = quality() if request.param == "quality" else evaluation(request.param)
    assert len(content) < 2_000_000
    file = tmp_path_factory.mktemp("report") / f"{request.param}.html"
    file.write_bytes(content)
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    asked: list[str] = []
    opened.on("request", lambda one: asked.append(one.url))
    opened.on("pageerror", lambda error: asked.append(str(error)))
    opened.goto(file.as_uri())
    yield opened
    assert asked == [file.as_uri()]
    opened.close()


def test_names_that_look_like_html_are_shown_as_written(page: Page) -> None:
    assert page.evaluate("window.__pwned") is None
    assert page.locator("script, img").count() == 0
    text = page.inner_text("body")
    for name in (EVIL, SCRIPT):
        assert name in text
    assert "日本" in text


def test_every_plot_has_words(page: Page) -> None:
    drawn = page.evaluate(
        """() => [...document.querySelectorAll('svg')].map(svg =>
            svg.getAttribute('aria-label')
            || (svg.closest('figure')?.querySelector('figcaption')?.innerText ?? ''))"""
    )
    assert drawn
    assert all(len(words) > 20 for words in drawn)


def test_on_a_telephone_nothing_is_wider_than_the_screen(page: Page) -> None:
    page.set_viewport_size(PHONE)
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1200, "height": 900})
    assert wide == PHONE["width"]


def test_the_keyboard_reaches_all_in_order(page: Page) -> None:
    page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
    wanted = page.locator("a, summary, [tabindex='0']").count()
    seen: list[str] = []
    for _ in range(wanted):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """() => { const e = document.activeElement, r = e.getBoundingClientRect();
                const s = getComputedStyle(e);
                return {what: e.className || e.tagName, left: r.left, outline: s.outlineStyle}; }"""
        )
        if focus["what"] == "BODY":
            break
        assert focus["left"] >= 0
        assert focus["outline"] != "none"
        seen.append(focus["what"])
    assert seen[0] == "skip"
    assert seen[1] == "A"
    assert "scroll" in seen


def test_print_leaves_nothing_out(page: Page) -> None:
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator("h1").is_visible()
    assert page.pdf(format="A4")[:5] == b"%PDF-"
    cut = page.evaluate(
        """() => [...document.querySelectorAll('.scroll')].filter(
            part => getComputedStyle(part).overflowX != 'visible').length"""
    )
    folded = page.evaluate(
        """() => [...document.querySelectorAll('details table')].filter(
            part => !part.checkVisibility()).length"""
    )
    page.emulate_media(media="screen")
    assert (cut, folded) == (0, 0)
