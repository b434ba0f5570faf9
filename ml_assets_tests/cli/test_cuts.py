"""What `land` says of a file that was cut into batches."""

from __future__ import annotations

import pytest

from ml_assets.cli.cuts import tell_cut
from ml_assets.engine.cutting.outcome import Change, CutFile


def test_rows_before_and_after_by_batch(capsys: pytest.CaptureFixture[str]) -> None:
    changes = [
        Change("unassigned", 0, 1, 1),
        Change("2024-01", 827, 828, 2, replaced=3, gone=1),
        Change("2024-02", 0, 1, 1),
    ]
    tell_cut("rides", CutFile("rides.csv", 5143, changes, same=6, nameless={"'soon'": 1}))
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "landed rides: rides.csv has 5,143 rows; 3 of 9 batches are new or changed",
        "  unassigned  new, 1 row",
        "  2024-01     827 → 828 rows (2 added, 3 replaced, 1 gone)",
        "  2024-02     new, 1 row",
    ]
    assert " ".join(said.err.split()) == (
        "warning rides.csv: rows that landed before and are no longer in their batch: 1 "
        "warning rides.csv: rows without a batch are kept apart as unassigned: 'soon' (1)"
    )
