"""What a spec may say of how numbers and times are spelled."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ml_assets.spec.dataset import DatasetSpec


def said(columns: dict[str, Any] | None = None, **landing: Any) -> str:
    """Return what is wrong with a dataset, empty if nothing is."""
    try:
        DatasetSpec.model_validate(
            {
                "description": "x",
                "landing": {"pattern": ".*", **landing},
                "columns": columns or {"x": {"type": "number"}},
            }
        )
    except ValidationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("%d.%m.%Y", ""),
        ("%Y-%j", ""),
        ("%a, %d %b %y %I:%M:%S.%f %p %z", ""),
        ("%d.%m", "wants one of %Y (2024) and %y (24)"),
        ("%y %Y-%m-%d", "wants one of %Y (2024) and %y (24)"),
        ("%Y", "wants a day, %d, and one of %m (12) and %b (Dec)"),
        ("%B %b %d %Y", "has %b twice"),
        ("%Y-%m-%d %I:%M", "wants %H for 0 to 23, or %I with %p"),
        ("%Y-%m-%d %H:%M %p", "wants %H for 0 to 23, or %I with %p"),
        ("%Y-%m-%d %M", "has minutes or seconds without an hour"),
        ("%Y-%j %d", "has %j, the day of the year, beside a month or day"),
        ("%Y-%m-%d %Z", "has %Z; available are"),
        ("%Y-%m-%d%", "has %; available are"),
        (" %Y-%m-%d", "begins or ends with a blank"),
        ("%Y-%m-%d\n", "has characters that cannot be printed"),
    ],
)
def test_a_format_gives_a_time_or_is_refused(form: str, wanted: str) -> None:
    found = said({"at": {"type": "timestamp", "format": form}})
    assert wanted in found
    assert bool(found) == bool(wanted)


def test_one_text_is_a_list_of_one() -> None:
    column = {"type": "date", "source": "marital status", "format": "%d/%m/%Y"}
    spec = DatasetSpec.model_validate(
        {"description": "x", "landing": {"pattern": ".*"}, "columns": {"x": column}}
    )
    assert spec.columns["x"].source == ("marital status",)
    assert spec.columns["x"].format == ("%d/%m/%Y",)


def test_a_tab_may_be_written_as_in_single_quotes() -> None:
    landing = {"pattern": ".*", "delimiter": r"\t"}
    spec = DatasetSpec.model_validate(
        {"description": "x", "landing": landing, "columns": {"x": {"type": "text"}}}
    )
    assert spec.landing.delimiter == "\t"


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        ({"type": "text", "strip": ["USD"]}, "is for integer and number, not for text"),
        ({"type": "text", "decimal": ","}, "is for integer and number, not for text"),
        ({"type": "date", "zone": "UTC"}, "is for timestamp, not for date"),
        ({"type": "number", "format": "%Y-%m-%d"}, "is for timestamp and date, not for number"),
        ({"type": "number", "strip": ["1."]}, "got '1.', which may be part of a number"),
        ({"type": "number", "thousands": "."}, ". is the decimal mark and the mark of thousands"),
        ({"type": "timestamp", "zone": "Europe/Berlyn"}, "did you mean 'Europe/Berlin'?"),
        ({"type": "timestamp", "zone": "../../etc/passwd"}, "no time zone '../../etc/passwd'"),
        ({"type": "number", "source": []}, "at least 1 item"),
        ({"type": "number", "source": ["a", "a"]}, "'a' is duplicated"),
    ],
)
def test_a_column_is_spelled_as_its_type_can_be(column: dict[str, Any], wanted: str) -> None:
    assert wanted in said({"x": column})


@pytest.mark.parametrize(
    ("landing", "wanted"),
    [
        ({"quote": "''"}, "wanted one character such as"),
        ({"quote": ";", "delimiter": ";"}, "; is the delimiter as well"),
        ({"decimal": ",", "thousands": ","}, ", is the decimal mark as well"),
        ({"skip_lines": -1}, "greater than or equal to 0"),
    ],
)
def test_marks_of_a_file_differ(landing: dict[str, Any], wanted: str) -> None:
    assert wanted in said(**landing)
