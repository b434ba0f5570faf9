"""Any file ends in a spec that is one, or in a message: never in a traceback."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_assets.errors import RequestError
from ml_assets.guess.propose import proposed
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.text import scalar

SLOW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
VALUES = st.one_of(
    st.sampled_from(
        ["", " ", "NA", "NaN", "nan", "inf", "-", "?", "NULL", "1", "01", "1.5", "1,5", "1e400"]
    ),
    st.sampled_from(
        [
            "=1+1",
            '=cmd|"/c calc"!A1',
            "@SUM(1)",
            "2024-02-30",
            "31/12/2019",
            "25:61",
            "99999999999999999999",
        ]
    ),
    st.text(max_size=6),
    st.integers().map(str),
    st.floats().map(str),
    st.dates().map(str),
)
NAMES = st.one_of(
    st.sampled_from(["id", "", "_id", "no", "a b", "key", "at", "日付"]), st.text(max_size=5)
)


def tried(path: Path) -> str:
    """Return "spec", or the message; the spec is valid and says the file's own rows."""
    try:
        found = proposed("table", [path], "dmy")
    except RequestError as error:
        return str(error) or "no message"
    DatasetSpec.model_validate(yaml.safe_load(found.text)["attributes"])
    if found.trial is not None and found.trial.lost:
        assert any("would be quarantined" in note for note in found.notes)
    return "spec"


@SLOW
@given(
    header=st.lists(NAMES, min_size=1, max_size=5),
    rows=st.lists(st.lists(VALUES, min_size=1, max_size=5), max_size=12),
    delimiter=st.sampled_from(",;\t| "),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_table(
    tmp_path: Path,
    header: list[str],
    rows: list[list[str]],
    delimiter: str,
    quoting: int,
    encoding: str,
    ending: str,
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=ending)  # type: ignore[arg-type]
    writer.writerows([header, *rows])
    path = tmp_path / "table.csv"
    path.write_bytes(text.getvalue().encode(encoding, "replace"))
    assert tried(path) != "no message"


@SLOW
@given(content=st.binary(max_size=400))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    assert tried(path) != "no message"


@given(text=st.text(max_size=20))
def test_any_text_is_read_back_from_yaml(text: str) -> None:
    assert yaml.safe_load(f"a: {scalar(text)}") == {"a": text}


def test_ten_thousand_columns_and_a_long_line(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,x\n2," + "y" * 10_000_000 + "\n3,z\n")
    assert tried(path) == "spec"
    names = [f"c{number}" for number in range(30_000)]
    path.write_text(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    assert "30,000 columns" in tried(path)


@pytest.mark.parametrize(
    "formula", ["=1+1", '=HYPERLINK("http://x","y")', "@SUM(A1)", "+cmd|' /C calc'!A0"]
)
def test_a_formula_is_a_text(tmp_path: Path, formula: str) -> None:
    path = tmp_path / "table.csv"
    quoted = '"' + formula.replace('"', '""') + '"'
    path.write_text("a,b\n" + "\n".join(f"{n}.5,{quoted}" for n in range(30)) + "\n")
    assert tried(path) == "spec"
