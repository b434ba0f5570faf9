"""The page of the prediction service in a browser: form, answer, problems, a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from docs.screenshots import chromium
from ml_assets.store.access import add_key
from ml_assets_tests.projects import Toy, copied
from ml_assets_tests.serve.serving import PREDICT, Client, serving
from ml_assets_tests.toys import predicting

__all__ = ["predicting"]
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def client(predicting: Toy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Give a server of the toy's champion."""
    with (
        copied(predicting, tmp_path_factory.mktemp("page") / "project") as toy,
        serving(toy) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser: Browser, client: Client) -> Iterator[Page]:
    """Give the page on a telephone in the dark; nothing may be said on its console."""
    said: list[str] = []
    found = browser.new_page(viewport=PHONE, color_scheme="dark")  # type: ignore[arg-type]
    found.on("console", lambda message: said.append(message.text))
    found.on("pageerror", lambda error: said.append(str(error)))
    found.goto(f"http://127.0.0.1:{client.port}/")
    found.wait_for_selector(".field")
    yield found
    # The browser says itself which answers were no success.
    assert [text for text in said if "422" not in text] == []
    found.close()


def answer(client: Client, row: dict[str, Any]) -> float:
    (found,) = client.ask(f"{PREDICT}?batch=2020-06", [row]).json["predictions"]
    return float(found["prediction"])


def test_a_row_that_landed_is_filled_in_and_predicted_by_the_keyboard(
    page: Page, client: Client
) -> None:
    example = client.ask("/v1/models/forecast").json["example"]
    assert page.get_by_label("sale").input_value() == str(example["rows"][0]["sale"])
    assert page.get_by_label("batch").input_value() == "2020-06"
    page.get_by_label("sale").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer strong")
    shown = float(page.locator("#answer strong").inner_text())
    assert shown == pytest.approx(answer(client, example["rows"][0]), rel=1e-5)
    assert page.locator("#answer h2").inner_text() == "What drove it"
    assert page.locator("#answer td:first-child").all_inner_texts()[0] in (
        "price",
        "promo",
        "store",
    )


def test_choices_hints_and_problems_stand_at_their_columns(page: Page) -> None:
    assert page.locator("#column-promo option").all_inner_texts() == ["", "true", "false"]
    assert page.locator("#column-store-hint").inner_text() == "needed"
    assert page.locator("#known-store option").count() == 3
    page.get_by_label("sale").fill("<b>seven</b>")
    page.get_by_label("store").fill("")
    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector("#answer .error")
    assert page.locator("#answer .error").inner_text() == "1 row breaks the contract, of 1"
    assert "wanted" in page.locator("#column-sale-problem").inner_text()
    assert page.locator("#column-sale-problem b").count() == 0
    page.get_by_role("button", name="Clear").click()
    assert page.get_by_label("sale").input_value() == ""


def test_it_fits_a_telephone_and_loads_nothing_from_elsewhere(page: Page, client: Client) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["width"]
    hosts = page.evaluate(
        "performance.getEntriesByType('resource').map((e) => new URL(e.name).host)"
    )
    assert set(hosts) == {f"127.0.0.1:{client.port}"}
    policy = client.ask("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")


def test_a_key_opens_the_page_until_the_tab_is_closed(
    browser: Browser, predicting: Toy, tmp_path: Path
) -> None:
    with copied(predicting, tmp_path / "project") as toy:
        key = add_key(toy.planner().home, "shop", ["predict"])
        with serving(toy) as client:
            page = browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
            page.goto(f"http://127.0.0.1:{client.port}/")
            page.get_by_label("Access key").fill("wrong")
            page.keyboard.press("Enter")
            expect(page.locator("#key-problem")).to_contain_text("an access key is needed")
            assert not page.get_by_role("button", name="Predict").is_visible()
            page.get_by_label("Access key").fill(key)
            page.keyboard.press("Enter")
            page.get_by_role("button", name="Predict").click()
            page.wait_for_selector("#answer strong")
            assert not page.get_by_label("Access key").is_visible()
            page.reload()
            page.wait_for_selector("#fields .field")
            page.close()
