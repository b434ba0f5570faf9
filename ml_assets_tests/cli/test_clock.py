"""A clock that is wrong, as commands say it."""

from __future__ import annotations

from pathlib import Path

from ml_assets import clock
from ml_assets_tests.cli.shell import Site


def test_a_command_says_so(site: Site, tmp_path: Path) -> None:
    site.more = {clock.CLOCK: str(tmp_path / "none")}
    site.toy.land("prices", "2020-01", b"store,price\nnorth,1.5\n")
    answer = site("run", "prices/raw", code=2)
    assert "ML_ASSETS_CLOCK names" in answer.err
    assert "Traceback" not in answer.err
