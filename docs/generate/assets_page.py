"""The reference of assets, from the registry: a row for each, and its checks."""

from __future__ import annotations

from ml_assets.assets.registry import Asset, owned_by
from ml_assets.engine.checks import checks_of

HEAD = """\
# Assets

Made by `make docs` from `ml_assets/assets/registry.py`; do not edit. An asset's key is
`<dataset or model>/<asset>`. One with batches has a partition for each batch of its dataset's
calendar; where the dataset is a snapshot, no asset has partitions. Beside the checks named here, a
project's own are shown on `cleaned` and `features`.
"""
TITLES = {"dataset": "Of a dataset", "model": "Of a model"}


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for owner, title in TITLES.items():
        rows = [_row(asset) for asset in owned_by(owner)]  # type: ignore[arg-type]
        table = [
            "| asset | what it is | made from | batches | checks |",
            "| --- | --- | --- | --- | --- |",
            *rows,
        ]
        parts.append(f"## {title}\n\n" + "\n".join(table) + "\n")
    return "\n".join(parts)


def _row(asset: Asset) -> str:
    checks = ", ".join(f"[`{entry.name}`](checks.md)" for entry in checks_of(asset.name))
    cells = [
        f"`{asset.name}`",
        asset.description,
        ", ".join(_said(source) for source in asset.sources) or "what lands",
        "yes" if asset.batched else "no",
        checks,
    ]
    return f"| {' | '.join(cells)} |"


def _said(source: str) -> str:
    """Return a source in words.

    >>> _said("joins/cleaned")
    '`cleaned` of its joins'
    """
    whose, _, name = source.rpartition("/")
    return f"`{name}`" + {"": "", "dataset": " of its dataset", "joins": " of its joins"}[whose]
