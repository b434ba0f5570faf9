"""What leaves a site is on record first."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ml_assets.federated.app.ml_assets_rounds.log import Refused, leaving, left


def test_every_payload_is_kept_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "site.json").write_text(json.dumps({"site": "alpha"}))
    assert left(tmp_path) == []
    assert leaving(tmp_path, kind="train", round_=3, content=b"trees") == b"trees"
    (line,) = left(tmp_path)
    digest = hashlib.sha256(b"trees").hexdigest()
    assert {k: v for k, v in line.items() if k != "at"} == {
        "site": "alpha",
        "round": 3,
        "kind": "train",
        "bytes": 5,
        "sha256": digest,
    }
    assert (tmp_path / "payloads" / digest).read_bytes() == b"trees"


def test_nothing_leaves_after_a_stop(tmp_path: Path) -> None:
    (tmp_path / "site.json").write_text(json.dumps({"site": "alpha"}))
    (tmp_path / "stop").write_text("not today\n")
    with pytest.raises(Refused, match=r"^not today$"):
        leaving(tmp_path, kind="train", round_=1, content=b"x")
    assert left(tmp_path) == []
    assert not (tmp_path / "payloads").exists()
