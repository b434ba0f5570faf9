"""new dataset: a spec in the project, a patch beside a person's edits, names that fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ml_assets_tests.cli.shell import Site

ROWS = (
    "id,at,units\n" + "\n".join(f"K{n:03},2024-{n % 9 + 1:02}-01,{n % 4}" for n in range(90)) + "\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    path.write_text(ROWS)
    return path


def test_a_dataset_is_written_and_its_file_lands(new_site: Site, shop: Path) -> None:
    found = new_site.json("new", "dataset", "shop", str(shop))
    path = new_site.root / "toy" / "defs" / "shop" / "defs.yaml"
    assert Path(found["file"]) == path
    assert (found["rows"], found["patch"], found["notes"]) == (90, None, [])
    assert found["columns"] == {"id": "id", "at": "datetime", "units": "categorical"}
    assert yaml.safe_load(path.read_text())["attributes"]["key"] == ["id"]


def test_a_second_run_changes_nothing_and_prints_the_difference(new_site: Site, shop: Path) -> None:
    new_site("new", "dataset", "shop", str(shop))
    path = new_site.root / "toy" / "defs" / "shop" / "defs.yaml"
    assert "is as it would be written now" in new_site("new", "dataset", "shop", str(shop)).out
    edited = path.read_text().replace("key: [id]", "key: [id]  # mine")
    path.write_text(edited)
    said = new_site("new", "dataset", "shop", str(shop)).out
    assert "-  key: [id]  # mine\n+  key: [id]\n" in said
    assert path.read_text() == edited


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../../x", "contains"),
        ("my shop", "contains ' '"),
        ("shop.csv", "contains '.'"),
        ("läden", "contains 'ä'"),
        ("Shop", "capital letters"),
        ("con", "Windows reserves"),
        ("forecast", "already a model"),
    ],
)
def test_names_that_do_not_fit(new_site: Site, shop: Path, name: str, said: str) -> None:
    before = sorted(path for path in new_site.root.rglob("*") if "data" not in path.parts)
    assert said in new_site("new", "dataset", name, str(shop), code=2).err
    after = sorted(path for path in new_site.root.rglob("*") if "data" not in path.parts)
    assert after == before


def test_files_that_are_not_there_and_orders_that_are_none(new_site: Site, shop: Path) -> None:
    assert "no such file" in new_site("new", "dataset", "shop", "gone.csv", code=2).err
    assert "is a folder" in new_site("new", "dataset", "shop", str(shop.parent), code=2).err
    said = new_site("new", "dataset", "shop", str(shop), "--dates", "ymd", code=2).err
    assert "no order of dates named 'ymd'" in said
