"""The nodes of a tree, and what is kept of a source beside its bytecode."""

from __future__ import annotations

import ast
import inspect
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from ml_assets.keys import before_moves, error_attributes, syntax, tree
from ml_assets.keys.syntax import parsed, prepare

SOURCE = '''
"""A module."""
try:
    import a
except ImportError:
    from . import b
else:
    pass
finally:
    match a:
        case 1:
            x: int = lambda: [y for y in z]
'''


@pytest.mark.parametrize(
    "text", [SOURCE, *map(inspect.getsource, (before_moves, error_attributes, syntax, tree))]
)
def test_the_nodes_are_those_of_ast_walk(text: str) -> None:
    whole = ast.parse(text)
    every = [node for node in ast.walk(whole) if not isinstance(node, ast.expr_context)]
    assert {id(node) for node in tree.nodes(whole)} == {id(node) for node in every}
    assert len(list(tree.nodes(whole))) == len(every)
    blocks = (ast.Module, ast.stmt, ast.ExceptHandler, ast.match_case)
    statements = [node for node in every if isinstance(node, blocks)]
    assert {id(node) for node in tree.statements(whole)} == {id(node) for node in statements}


def test_a_node_comes_before_those_in_it() -> None:
    whole = ast.parse("f(g(1))")
    seen = [type(node).__name__ for node in tree.nodes(whole)]
    assert seen[:3] == ["Module", "Expr", "Call"]
    assert seen.index("Constant") > [i for i, name in enumerate(seen) if name == "Call"][1]


def test_a_folder_is_prepared_before_it_can_no_longer_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "part" / "m.py"
    path.parent.mkdir()
    path.write_text("import os  # a comment\n")
    prepare(tmp_path)
    kept = Path(cache_from_source(str(path))).with_suffix(".tree.json")
    before = kept.read_bytes()
    source = path.read_bytes()
    assert parsed(path, source, source.decode()).imports == ((0, "os"),)
    assert kept.read_bytes() == before
