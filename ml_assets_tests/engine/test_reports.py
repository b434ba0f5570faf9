"""Pages of reports: files of their own that hold what the store holds, and go when it goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ml_assets.engine.reports import OUTPUT, page, report_of
from ml_assets.errors import DamagedObject
from ml_assets.operations.forget.forget import finish, forget, request
from ml_assets.operations.gc import Garbage, collect
from ml_assets.store.home import Home
from ml_assets_tests.projects import Toy

NAME = "sales-quality_report-2020-03-v0.html"


def _page(toy: Toy) -> tuple[Home, str, Path]:
    """Return the home, the digest and the page of March's quality report."""
    planner = toy.planner()
    current = report_of(planner, "sales", "2020-03").current
    return planner.home, current.outputs[OUTPUT].digest, page(planner.home, current)


def test_a_page_is_a_file_of_its_own_and_is_written_once(made: Toy) -> None:
    home, digest, path = _page(made)
    assert path == made.root / "data" / "environments" / "dev" / "reports" / NAME
    stored = home.objects.path(digest)
    assert not path.is_symlink()
    assert not path.samefile(stored)
    assert path.read_bytes() == stored.read_bytes()
    written = path.stat().st_mtime_ns
    assert _page(made)[2].stat().st_mtime_ns == written


def test_what_lies_in_its_place_is_replaced_and_the_object_stays(made: Toy) -> None:
    home, digest, path = _page(made)
    stored = home.objects.path(digest)
    content = stored.read_bytes()
    path.write_bytes(content[:-1])
    assert _page(made)[2].read_bytes() == content
    path.unlink()
    path.symlink_to(os.path.relpath(stored, path.parent))
    _page(made)
    assert not path.is_symlink()
    assert (path.read_bytes(), stored.read_bytes()) == (content, content)


def test_a_page_that_is_there_needs_no_object(made: Toy) -> None:
    home, digest, path = _page(made)
    home.objects.path(digest).unlink()
    assert _page(made)[2] == path
    path.unlink()
    with pytest.raises(DamagedObject, match="repair"):
        _page(made)


def test_pages_go_with_their_objects_and_nothing_else_does(made: Toy) -> None:
    home, digest, path = _page(made)
    april = page(home, report_of(made.planner(), "sales", "2020-04").current)
    elsewhere = home.root / "environments" / "prod" / "reports" / NAME
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_bytes(path.read_bytes())
    half = path.with_name(f"{NAME}.123.tmp")
    half.write_bytes(b"<!doc")
    nowhere = path.with_name("sales-quality_report-2019-01-v0.html")
    nowhere.symlink_to("gone")
    (path.parent / "notes.html").write_text("mine")
    collect(home, Garbage({digest: 1}))
    assert sorted(path.parent.iterdir()) == [path.parent / "notes.html", april]
    assert not elsewhere.exists()


def test_a_deletion_takes_the_pages_that_rest_on_the_rows(made: Toy) -> None:
    home, _, path = _page(made)
    stays = page(home, report_of(made.planner(), "prices", "2020-01").current)
    found = request(home, made.planner().project, "sales", "2020-03", {}, "asked")
    forget(home, found)
    finish(home)
    assert not path.exists()
    assert stays.exists()
