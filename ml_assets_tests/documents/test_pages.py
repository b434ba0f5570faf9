"""The pages: they build without a warning, need nothing from elsewhere, and name what there is."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import sync_playwright

from docs.generate import commands
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import ModelSpec
from ml_assets_tests.processes import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
ELSEWHERE = re.compile(r"<(?:script|img|iframe)[^>]*\ssrc=\"?https?:|<link[^>]*stylesheet[^>]*http")
BLOCK = re.compile(r"```(\w+)[^\n]*\n(.*?)```", re.S)
SPECS = {"ml_assets.TabularDataset": DatasetSpec, "ml_assets.TabularModel": ModelSpec}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does; a warning (a broken link) is an error."""
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_site_and_needs_nothing_from_elsewhere(site: Path) -> None:
    for page in PAGES:
        made = site / page.relative_to(DOCS).with_suffix(".html")
        assert ELSEWHERE.search(made.read_text(encoding="utf-8")) is None, made
    assert not list(site.rglob("*.py"))
    sections = re.findall(r"md-tabs__link\">\s*(.*?)\s*<", (site / "index.html").read_text())
    assert sections[-4:] == ["How to", "Explanation", "Reference", "Decisions"]


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """Serve the site on this machine; the search needs a server."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_browser_shows_it_and_asks_nobody_else(address: str) -> None:
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(address) else wrong.append(asked.url),
        )
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("requestfailed", lambda request: wrong.append(request.url))
        # Leaving a page would abort what it still loads, which counts as failed.
        page.goto(f"{address}/index.html", wait_until="networkidle")
        page.get_by_role("link", name="architecture").first.click()
        assert page.locator("h1").inner_text().startswith("Architecture")
        pictures = page.locator("article img")
        assert pictures.count() == 2
        widths = pictures.evaluate_all("all => all.map(one => one.naturalWidth)")
        assert min(widths) > 400
        assert all(pictures.evaluate_all("all => all.map(one => one.alt.length > 20)"))
        search = page.get_by_placeholder("Search")
        search.click()
        search.press_sequentially("quarantine")
        page.locator(".md-search-result__link").first.wait_for()
        browser.close()
    assert wrong == []


def test_architecture_names_files_and_functions_that_there_are() -> None:
    text = (DOCS / "explanation" / "architecture.md").read_text(encoding="utf-8")
    pairs = re.findall(r"`((?:ml_assets|docs)/[\w/]+\.py)`(?:\s+`([\w.]+)`)?", text)
    assert len(pairs) > 20
    for path, name in pairs:
        assert (ROOT / path).is_file(), path
        if name:
            assert name in set(_names(ROOT / path)), f"{path} has no {name}"


def _names(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (
                f"{node.name}.{i.name}" for i in node.body if isinstance(i, ast.FunctionDef)
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_a_page_names_commands_and_specs_that_there_are(page: Path) -> None:
    known = commands.every()
    for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "sh":
            for line in text.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words and words[0] == "ml-assets":
                    pair = " ".join(words[1:3])
                    name = pair if pair in known else words[1]
                    assert name in known, f"{page}: {line}"
                    options = {o for p in known[name].params for o in (*p.opts, *p.secondary_opts)}
                    assert {w for w in words[2:] if w.startswith("--")} <= options, (
                        f"{page}: {line}"
                    )
        elif kind == "yaml" and text.startswith("type: ml_assets."):
            found = yaml.safe_load(text)
            SPECS[found["type"]].model_validate(found["attributes"])


def test_the_overview_links_every_page_that_answers_a_question() -> None:
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    folders = ("how-to", "explanation", "reference")
    pages = {page.relative_to(DOCS).as_posix() for page in PAGES if page.parent.name in folders}
    assert pages - set(re.findall(r"\]\(([\w/-]+\.md)", text)) == set()
