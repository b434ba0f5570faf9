"""The sample files: what a month of New York's flights looks like on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets.cli.sample import write_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Write the sample once."""
    return write_sample(tmp_path_factory.mktemp("sample"))


def test_a_file_a_month_and_one_of_planes(sample: dict[str, list[Path]]) -> None:
    months = [f"2013-{month:02d}" for month in range(1, 13)]
    assert [path.name for path in sample["flights"]] == [f"flights-{m}.csv" for m in months]
    assert [path.name for path in sample["weather"]] == [f"weather-{m}.csv" for m in months]
    assert [path.name for path in sample["planes"]] == ["planes.csv"]


def test_no_row_is_lost(sample: dict[str, list[Path]]) -> None:
    rows = {
        name: sum(path.read_bytes().count(b"\n") - 1 for path in paths)
        for name, paths in sample.items()
    }
    assert rows == {"flights": 336_776, "weather": 26_115, "planes": 3_322}


def test_whole_numbers_are_whole_and_missing_values_empty(sample: dict[str, list[Path]]) -> None:
    lines = sample["flights"][0].read_text().splitlines()
    assert lines[1] == (
        "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z"
    )
    cancelled = next(line for line in lines if ",,1630,,," in line)
    assert cancelled == (
        "2013,1,1,,1630,,,1815,,EV,4308,N18120,EWR,RDU,,416,16,30,2013-01-01T21:00:00Z"
    )


def test_the_same_bytes_every_time(sample: dict[str, list[Path]], tmp_path: Path) -> None:
    again = write_sample(tmp_path)
    assert again["planes"][0].read_bytes() == sample["planes"][0].read_bytes()
    assert again["flights"][6].read_bytes() == sample["flights"][6].read_bytes()
