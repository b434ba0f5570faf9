"""A legal deletion reaches what the service was asked: sealed days, open segments, their tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml_assets.engine.sealing import seal
from ml_assets.errors import RequestError
from ml_assets.operations.forget.unsealed import known_as, without
from ml_assets.spec.project import read_project
from ml_assets.store.pseudonyms import FILE, KEY, OLD_FILE, OLD_KEY, hashed, pseudonyms
from ml_assets.store.segments import folder_of, framed, records, segments
from ml_assets_tests.asked import FAR, MADE, ROW, keep, record, write
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.projects import SALES, Toy

DAY, OPEN = "2026-03-01", "2026-03-02"
SECRET = "0123456789abcdef0123456789abcdef"


def of_two(number: str) -> bytes:
    """Return the record of a request of two rows, of sale 7 and sale 8."""
    found = record(OPEN, number)
    answers = {"prediction": [1.5, 2.5], "unseen": [None, None], "missing_joins": [None, None]}
    rows = [ROW, {**ROW, "sale": 8}]
    return json.dumps({**found, "rows": rows, "answers": answers}).encode()


def test_rows_leave_a_request_and_the_others_keep_their_numbers(toy: Toy) -> None:
    keep(toy)
    spec = toy.planner().project.datasets[MADE]
    content = framed(of_two("a")) + framed(json.dumps(record(OPEN, "b")).encode())
    left, rows = without(content, spec, {"sale": "7"})
    assert rows == 2
    (kept,) = [json.loads(found) for found in records(left) if found is not None]
    assert (kept["id"], kept["numbers"]) == ("a", [1])
    assert (kept["rows"][0]["sale"], kept["answers"]["prediction"]) == (8, [2.5])
    again, more = without(left, spec, {"sale": "8"})
    assert (again, more) == (b"", 1)
    assert without(content, spec, {"sale": "9"}) == (content, 0)


def test_a_key_of_the_dataset_is_deleted_from_requests_everywhere(toy: Toy) -> None:
    keep(toy)
    write(toy, DAY, "sealed")
    planner = toy.planner()
    seal(planner.home, planner.project, MADE, FAR)
    assert not toy.make(f"group:{MADE}").faults
    folder = folder_of(planner.home.folder, "forecast")
    (folder / f"{OPEN}.0123456789abcdef.log").write_bytes(framed(of_two("open")))
    write(toy, OPEN, "other", env="prod")
    shell = Shell(toy.root)
    words = ("forget", "sales", "--key", "sale=7", "--reason", "a request")
    said = shell.json(*words, "--dry-run")
    assert (said["dataset"], said["rows"]) == (MADE, {DAY: 1, OPEN: 2})
    assert [s.size for s in segments(folder)] == [len(framed(of_two("open")))]
    assert shell.json(*words)["rows"] == {DAY: 1, OPEN: 2}
    home = toy.planner().home
    assert (MADE, DAY) not in home.batches.landed()
    assert home.records.held("dev", f"{MADE}/raw") == {}
    (segment,) = segments(folder)
    (kept,) = [json.loads(found or b"") for found in records(segment.path.read_bytes())]
    assert kept["numbers"] == [1]
    assert segments(folder_of(home.root / "environments" / "prod", "forecast")) == []
    stones = home.removals.forgettings()
    assert [(s.dataset, s.batch, s.rows, s.reason) for s in stones] == [
        (MADE, DAY, 1, "a request"),
        (MADE, OPEN, 2, "a request"),
    ]


def test_sensitive_columns_are_left_out_or_searched_by_their_hmac(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.edit(SALES, "store: {type: category,", "store: {type: category, sensitive: true,")
    keep(toy)
    assert "store" not in toy.planner().project.datasets[MADE].columns
    toy.edit("toy/defs/forecast/defs.yaml", "requests: {}", "requests: {sensitive: hmac}")
    planner = toy.planner()
    columns = read_project(toy.root / "toy/defs").datasets[MADE].columns
    assert (columns["store"].type, columns["store"].sensitive) == ("text", True)
    monkeypatch.delenv(FILE, raising=False)
    monkeypatch.setenv(KEY, SECRET)
    hidden = hashed(SECRET.encode(), "north")
    assert known_as(planner.home, planner.project, MADE, {"store": "north", "sale": "7"}) == {
        "store": hidden,
        "sale": "7",
    }
    assert hidden == "e92004f8e4b36b5cb92d2e534db05712bd11eb377d4698669a660c413cf790f4"


def test_the_secret_is_never_in_the_home(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    inside, outside = tmp_path / "home" / "key", tmp_path / "key"
    inside.write_text(SECRET)
    outside.write_text(f"{SECRET}\n")
    for name in (FILE, OLD_FILE):
        assert pseudonyms(tmp_path / "home", {name: str(outside)}).keys == [SECRET.encode()]
    both = {FILE: str(outside), OLD_KEY: "of requests alone, from before that"}
    assert pseudonyms(tmp_path / "home", both).keys == [SECRET.encode()]
    for environ, said in (
        ({FILE: str(inside)}, "is in the home"),
        ({KEY: "short"}, "has 5 bytes"),
        ({FILE: str(tmp_path / "none")}, "cannot be read: No such file"),
        ({}, "are stored as HMAC, which needs a secret: set"),
    ):
        with pytest.raises(RequestError, match=said):
            pseudonyms(tmp_path / "home", environ)
