"""Dagster's and MLflow's pages as `ml-assets up` serves them, in a real headless Chromium."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, Page

from docs.screenshots import chromium
from ml_assets_tests.cli.served import up
from ml_assets_tests.cli.shell import Shell

PATIENCE = 60_000.0
"""Milliseconds within which a text must be on the page, on a busy machine."""


@dataclass
class Pages:
    """A browser on both pages; what went wrong in a page is collected."""

    context: BrowserContext
    """One for all pages, so that the programs of a page are loaded and compiled once."""
    dagster: str
    mlflow: str
    wrong: list[str] = field(default_factory=list)

    def open(self, address: str, text: str, width: int = 1400, height: int = 1000) -> Page:
        """Open an address and wait until a text is seen; pages opened before end."""
        for before in self.context.pages:
            # Each would go on asking its server.
            before.close()
        page = self.context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.wrong.append(f"{address}: {error}"))
        page.on("console", lambda said: self._said(address, said.type, said.text))
        page.goto(address)
        page.get_by_text(text).first.wait_for()
        return page

    def _said(self, address: str, kind: str, text: str) -> None:
        if kind == "error":
            self.wrong.append(f"{address}: {text}")


@contextmanager
def served(shell: Shell) -> Iterator[Pages]:
    """Serve a project's pages with its own command, and open a browser."""
    with up(shell) as found, chromium() as browser:
        yield Pages(browser.new_context(), found.dagster, found.mlflow)


def wait_until(what: Callable[[], bool]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + 2 * PATIENCE / 1000
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.3)
