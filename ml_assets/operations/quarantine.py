"""What a dataset's quarantine contains: rules, counts, and examples as delivered.

Belongs here: reading it. Does not belong here: deciding what is quarantined (`stages/clean`).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_assets.engine.plan import Planner
from ml_assets.engine.sensitive import RECORD, hidden_columns
from ml_assets.errors import UnknownName
from ml_assets.guess.dialect import opened
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages import ingest
from ml_assets.stages.ingest.source import Unreadable
from ml_assets.stages.shown import shortened
from ml_assets.store.home import Home
from ml_assets.store.records import Current

MOST = 1 << 30
"""Bytes of a file in which a record is looked for."""
AS_DELIVERED = ("parse.", "file.")
"""Rules whose records are kept as text of the file; others are kept as parsed values."""


def quarantined(planner: Planner, dataset: str, batch: str | None, limit: int) -> dict[str, Any]:
    """Return {"dataset", "records", "rules", "stale", "unlabelled"}, the most frequent rules first.

    A rule is {"rule", "count", "batches", "examples"} (without batches for a snapshot); at most
    `limit` examples {"batch", "file", "line", "column", "reason", "text", "delivered"}. `delivered`
    is the line in the whole file of a record whose batch was cut out of it, None if it is not
    found there. The text of a record
    that does not parse may contain anything: it is None if any column is sensitive. Raises
    UnknownName for a batch that the dataset does not have. `stale` are the batches that were
    cleaned since: their quarantine is yet to be materialized. `unlabelled` are the rows by batch
    and reason that were kept without a label.
    """
    home, spec = planner.home, planner.project.datasets[dataset]
    current_of = home.records.all_current(home.env)
    held = {p: c for (a, p), c in current_of.items() if a == f"{dataset}/quarantine"}
    cleaned = {p: c for (a, p), c in current_of.items() if a == f"{dataset}/cleaned"}
    if batch is not None and batch not in {*held, *cleaned}:
        raise UnknownName.of(f"batch of {dataset}", batch, {*held, *cleaned})
    asked = planner.project.ordered(dataset, {*held, *cleaned}) if batch is None else [batch]
    stale = [p for p in asked if p in cleaned and _is_older(held.get(p), cleaned[p])]
    hidden = RECORD in hidden_columns(planner.project, dataset, {})
    rules: dict[str, dict[str, Any]] = {}
    for partition in (name for name in asked if name in held):
        current = held[partition]
        read: list[dict[str, Any]] = []
        shown: list[dict[str, Any]] = []
        for row in home.objects.table(current.outputs["quarantine"].digest).to_pylist():
            empty = {"rule": row["rule"], "count": 0, "batches": [], "examples": []}
            rule = rules.setdefault(row["rule"], empty)
            rule["count"] += 1
            if partition and partition not in rule["batches"]:
                rule["batches"].append(partition)
            if len(rule["examples"]) < limit:
                example = {"batch": partition, "file": current.facts["file"], "line": row["_line"]}
                example |= {"column": row["column"], "reason": row["reason"]}
                example |= {"text": None if hidden else row["text"], "delivered": None}
                rule["examples"].append(example)
                shown.append(example)
                if not row["rule"].startswith(AS_DELIVERED):
                    read.append(rule["examples"][-1])
        if not hidden:
            _deliver(home, spec, current.facts, read)
            _place(home.landing / dataset, spec, shown)
    ordered = sorted(rules.values(), key=lambda rule: -rule["count"])
    records = sum(rule["count"] for rule in ordered)
    unlabelled = {
        name: cleaned[name].facts["unlabelled"]
        for name in asked
        if name in cleaned and cleaned[name].facts.get("unlabelled")
    }
    return {
        "dataset": dataset,
        "records": records,
        "rules": ordered,
        "stale": stale,
        "unlabelled": unlabelled,
    }


def _is_older(quarantine: Current | None, cleaned: Current) -> bool:
    """Return whether a batch was cleaned by another action than its quarantine was made by."""
    return quarantine is None or quarantine.actions.get("clean") != cleaned.actions.get("clean")


def _place(folder: Path, spec: DatasetSpec, examples: Sequence[dict[str, Any]]) -> None:
    """Give examples of batches that were cut out of a file their line in it, if it is still there.

    It is looked for by its text: a batch's own file has no other lines.
    """
    if spec.landing.cut is None or not examples:
        return
    path = folder / Path(examples[0]["file"].partition("@")[0]).name
    if not path.is_file() or path.stat().st_size > MOST:
        return
    wanted = {example["text"]: example for example in examples[::-1] if example["text"]}
    with (
        opened(path) as file,
        io.TextIOWrapper(file, spec.landing.encoding, "replace", newline="") as lines,
    ):
        for number, line in enumerate(lines, 1):
            if (example := wanted.pop(line.rstrip("\r\n"), None)) is not None:
                example["delivered"] = number
            if not wanted:
                return


def _deliver(
    home: Home, spec: DatasetSpec, facts: Mapping[str, Any], examples: list[dict[str, Any]]
) -> None:
    """Give examples the text of the landed file, if it is text and still exists."""
    landing = facts.get("landing")
    if not examples or landing is None or home.objects.missing([landing]):
        return
    try:
        source = ingest.read(home.objects.read(landing), spec.landing, spec.columns)
    except Unreadable:
        return
    if source.text is not None:
        for example in examples:
            example["text"] = shortened(source.text(example["line"]))
