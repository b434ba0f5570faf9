"""What `land` says of the name under which it keeps a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets_tests.scaffold.shop import made


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [(r"rows\.csv", "rows.csv"), (r"list of 2024\.csv", "list of 2024.csv")],
)
def test_a_file_of_another_name_is_kept_as_the_pattern_wants(
    tmp_path: Path, pattern: str, kept: str
) -> None:
    shop = made(tmp_path)
    columns = {"id": {"type": "integer"}, "x": {"type": "number"}}
    shop.dataset(columns, landing={"pattern": pattern})
    file = shop.rows({"id": [1, 2], "x": [3, 4]}, "june.csv")
    lines = shop("land", "rows", file).out.splitlines()
    said = f"  june.csv is kept as {kept}, the name that landing.pattern wants"
    assert lines == ["landed rows", said, "next: ml-assets run"]
    assert [path.name for path in (shop.root / "data/landing/rows").iterdir()] == [kept]
    again = shop.rows({"id": [1, 2], "x": [3, 5]}, kept)
    assert shop("land", "rows", again).out.splitlines() == ["landed rows", lines[-1]]


def test_a_pattern_of_many_names_must_match(tmp_path: Path) -> None:
    shop = made(tmp_path)
    shop.dataset({"id": {"type": "integer"}}, landing={"pattern": r"list-\d+\.csv"})
    answer = shop("land", "rows", shop.rows({"id": [1]}, "june.csv"), code=2)
    assert r"no file name for batch '' matches 'list-\d+\.csv'" in answer.err
