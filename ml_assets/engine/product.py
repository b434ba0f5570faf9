"""Converts a session's results to records."""

from __future__ import annotations

from typing import Any

from ml_assets.engine.session import Done, Made
from ml_assets.store.objects import Ref
from ml_assets.store.records import Product


def complete(made: Made) -> bool:
    """Return whether all of a cell, including its checks, is known."""
    actions = (*made.actions.values(), *made.checks.values())
    return made.waiting is None and all(isinstance(action, Done) for action in actions)


def product(made: Made) -> Product:
    """Return the record of a complete cell."""
    done = {part: a for part, a in made.actions.items() if isinstance(a, Done)}
    checks = {name: a for name, a in made.checks.items() if isinstance(a, Done)}
    keys = {part: action.record.key for part, action in done.items()}
    keys |= {f"check:{name}": action.record.key for name, action in checks.items()}
    verdicts: list[dict[str, Any]] = []
    for name, action in checks.items():
        verdicts += [{**check, "name": name} for check in action.record.checks]
    return Product(
        asset=made.cell.asset,
        partition=made.cell.partition,
        outputs={name: ref for name, ref in made.outputs.items() if isinstance(ref, Ref)},
        actions=keys,
        checks=verdicts,
        facts=dict(made.facts),
    )
