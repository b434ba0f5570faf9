"""What a dataset may not ask of columns of pseudonyms (`sensitive: {keep: hmac}`)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ml_assets.spec.expressions import grammar
from ml_assets.spec.mistakes import Place
from ml_assets.spec.pseudonyms import pseudonymised

if TYPE_CHECKING:
    from ml_assets.spec.dataset import DatasetSpec

PRESENCE = ("isna", "notna", "isnull", "notnull")


def wrong_dataset(spec: DatasetSpec) -> Iterator[tuple[Place, str]]:
    """Yield what a dataset asks of pseudonyms that they cannot answer."""
    hidden = pseudonymised(spec.columns)
    parts = {
        part: name
        for name, column in hidden.items()
        for part in ((name,) if column.source is None else column.source)
    }
    for name, column in spec.columns.items():
        for part in (name,) if column.source is None else column.source:
            if part in parts and parts[part] != name:
                said = f"reads {part!r} of the file, as {parts[part]} does, which is a pseudonym"
                yield ("columns", name), f"{said}; only one column can"
    if spec.landing.cut is not None and spec.landing.cut.column in hidden:
        said = f"{spec.landing.cut.column} is a pseudonym (keep: hmac), and batches' names are seen"
        yield ("landing", "batch" if spec.landing.sql is None else "sql"), said
    if spec.landing.sql is not None and spec.landing.sql.watermark in parts:
        said = f"{spec.landing.sql.watermark} is a pseudonym (keep: hmac), and it is stored"
        yield ("landing", "sql", "watermark"), said
    for number, step in enumerate(spec.cleaning):
        for name in step.columns:
            if name in hidden:
                said = f"{name} is a pseudonym (keep: hmac), which no step can change"
                yield ("cleaning", number, "columns"), said
    asked = {"filters": [f.expression for f in spec.filters]}
    asked["rules"] = [rule.expression for rule in spec.rules]
    for part, expressions in asked.items():
        for number, expression in enumerate(expressions):
            for name in sorted(_looked_into(expression, spec) & set(hidden)):
                said = f"{name} is a pseudonym (keep: hmac); only {name}.isna() can be asked"
                yield (part, number, "expression"), said


def _looked_into(expression: str, spec: DatasetSpec) -> set[str]:
    """Return the columns of which an expression asks more than whether a value is there."""
    try:
        tree = grammar.parse(expression, spec.columns)
    except ValueError:
        return set()  # Said elsewhere.
    present = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in PRESENCE
    }
    return {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in present
    }
