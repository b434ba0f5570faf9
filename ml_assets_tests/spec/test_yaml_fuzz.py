"""Whatever is in the files, a project is read or a SpecError says why not."""

from __future__ import annotations

import re
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import SpecError
from ml_assets.spec.project import Project, read_project
from ml_assets_tests.processes import ROOT

SPECS = {p.parent.name: p.read_text() for p in (ROOT / "ml_assets/defs").glob("*/defs.yaml")}
PIECES = {name: re.split(r"(\s+|[\[\]{},:])", text) for name, text in SPECS.items()}
ODD = [
    *("no", "~", "[]", "{}", "''", "-1", "1e400", ".nan", "true", "2024-13-45", "0x_", "!!int a"),
    *("!!set {a}", "!!binary aGk=", "&a", "*a", "<<: *a", "? [a]: b", "!x", "|", "- ", "\t", "\0"),
    *("\ufeff", "9" * 30, "9" * 5000, "0x" + "f" * 5000, "[a, a]", "{a: b}", "1:30", "'", '"', "#"),
    *("---\n", "...\n", ": ", "{", "}", "]", "_x", "`", "x > 1", "(", "linear", "hash", "%Y", "%"),
]
MARKS = st.integers(0, 10**6)
EDITS = st.lists(
    st.tuples(st.sampled_from(sorted(SPECS)), MARKS, st.sampled_from(ODD) | MARKS),
    min_size=1,
    max_size=4,
)


def _edited(edits: list[tuple[str, int, str | int]]) -> dict[str, str]:
    """Return the demo's specs, some pieces replaced by odd ones or by pieces from elsewhere."""
    pieces = {name: list(found) for name, found in PIECES.items()}
    for name, place, new in edits:
        found = pieces[name]
        found[place % len(found)] = new if isinstance(new, str) else found[new % len(found)]
    return {name: "".join(found) for name, found in pieces.items()}


@settings(max_examples=40, deadline=None)
@given(EDITS)
def test_a_project_or_a_reason(edits: list[tuple[str, int, str | int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in _edited(edits).items():
            (Path(folder) / name).mkdir()
            (Path(folder) / name / "defs.yaml").write_text(text, encoding="utf-8")
        with suppress(SpecError):
            assert isinstance(read_project(Path(folder)), Project)
