"""Where a quarantined record stands in the file that its batch was cut out of."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from ml_assets.operations.quarantine import _place
from ml_assets.spec.dataset import DatasetSpec

TEXT = "id;at;x\r\n1;2024-01-05;é\r\n2;2024-02-01;b\r\n3;2024-01-09;c\r\n3;2024-01-09;c\r\n"


def spec(**landing: Any) -> DatasetSpec:
    return DatasetSpec.model_validate(
        {
            "description": "Rows over time",
            "calendar": "month",
            "landing": {"pattern": r"rows\..*", "batch": "month of at", **landing},
            "columns": {"id": {"type": "integer"}, "at": {"type": "date"}, "x": {"type": "text"}},
        }
    )


def example(text: str | None, file: str) -> dict[str, Any]:
    return {"file": file, "line": 2, "text": text, "delivered": None}


def test_the_first_line_of_the_whole_file_with_the_records_text(tmp_path: Path) -> None:
    for name, content in (
        ("rows.csv", TEXT.encode("cp1252")),
        ("rows.csv.gz", gzip.compress(TEXT.encode("cp1252"))),
    ):
        (tmp_path / name).write_bytes(content)
        texts = ["3;2024-01-09;c", "1;2024-01-05;é", "9;2024-01-09;c", None]
        examples = [example(text, f"{name}@2024-01") for text in texts]
        _place(tmp_path, spec(encoding="cp1252"), examples)
        assert [item["delivered"] for item in examples] == [4, 2, None, None]


def test_a_file_that_is_gone_or_was_not_cut_has_no_such_line(tmp_path: Path) -> None:
    gone = [example("1;2024-01-05;a", "rows.csv@2024-01")]
    _place(tmp_path, spec(), gone)
    assert gone[0]["delivered"] is None
    (tmp_path / "rows.csv").write_text(TEXT)
    whole = [example("2;2024-02-01;b", "rows.csv")]
    snapshot = DatasetSpec.model_validate(
        {"description": "Rows", "landing": {"pattern": "rows"}, "columns": {"x": {"type": "text"}}}
    )
    _place(tmp_path, snapshot, whole)
    assert whole[0]["delivered"] is None
