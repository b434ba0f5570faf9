"""The guess tried on its own file, by the project's own reading and cleaning.

Belongs here: what would be quarantined, and what to weaken so that it is not. Does not belong
here: guessing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.guess.draft import DraftNode
from ml_assets.guess.profile import FileDialect
from ml_assets.guess.sample import sampled
from ml_assets.spec.dataset import CleanSpec, Contract, DatasetSpec, IngestSpec
from ml_assets.stages.clean import clean
from ml_assets.stages.ingest import ingest
from ml_assets.stages.memory import InMemory

KEPT = 3
"""Examples of each rule."""


@dataclass(frozen=True)
class Trial:
    """What became of a file's records."""

    landed: int
    cleaned: int
    refused: str | None = None
    broken: Mapping[tuple[str, str | None], int] = field(default_factory=dict)
    """Quarantined records by rule and column."""
    examples: Mapping[tuple[str, str | None], list[str]] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Records that are quarantined."""
        return sum(self.broken.values())


def tried(name: str, spec: DatasetSpec, path: Path, dialect: FileDialect) -> Trial | None:
    """Ingest and clean a file under a spec, a large one by a sample; None if there is none."""
    content = sampled(path, dialect)
    if content is None:
        return None
    read = IngestSpec(dataset=name, landing=spec.landing, columns=spec.columns)
    # All of what breaks a rule is wanted, however much it is.
    params = CleanSpec(
        dataset=name,
        contract=Contract(columns=spec.columns, key=spec.key),
        cleaning=spec.cleaning,
        quarantine_budget=1.0,
    )
    done = cleaned(read, params, content)
    return _trial(done["summary"], done["quarantine"])


def cleaned(read: IngestSpec, params: CleanSpec, content: bytes) -> Mapping[str, Any]:
    """Return what cleaning makes of a landed file, by name; nothing is stored."""
    outputs = ingest(read, landed=InMemory(content)).outputs
    parts = {part: InMemory(outputs[part]) for part in ("raw", "rejects", "summary")}
    return clean(params, **parts).outputs


def _trial(summary: Mapping[str, Any], quarantine: pa.Table) -> Trial:
    broken: Counter[tuple[str, str | None]] = Counter()
    examples: dict[tuple[str, str | None], list[str]] = {}
    rules, columns = quarantine.column("rule"), quarantine.column("column")
    grouped = pa.table({"rule": rules, "column": columns}).group_by(["rule", "column"])
    for item in grouped.aggregate([([], "count_all")]).to_pylist():
        key = (item["rule"], item["column"])
        broken[key] = item["count_all"]
        where = pc.equal(rules, item["rule"])
        examples[key] = quarantine.filter(where).column("reason").slice(0, KEPT).to_pylist()
    return Trial(summary["landed"], summary["cleaned"], summary["refused"], dict(broken), examples)


def weakened(root: DraftNode, trial: Trial, budget: float) -> list[str]:
    """Weaken what too many records break; return what was done, for people."""
    columns = root.parts["attributes"].parts["columns"].parts
    done = list[str]()
    for (rule, column), rows in sorted(trial.broken.items(), key=lambda item: -item[1]):
        if column is None or column not in columns or rows <= budget * trial.landed / 5:
            continue
        node = columns[column]
        said = (
            f"{rows:,} of {trial.landed:,} records broke {rule} ({trial.examples[rule, column][0]})"
        )
        part = rule.rpartition(".")[2]
        if rule.startswith("parse."):
            for key in ("format", "strip", "decimal", "thousands", "range", "zone"):
                node.parts.pop(key, None)
            node.parts["type"] = DraftNode("text")
            node.above.append(f"TODO read as text: {said}")
            _without_time(root, column)
        elif part == "not_null":
            node.parts.pop("nullable", None)
        else:
            node.parts.pop(part, None)
            node.above.append(f"no {part}: {said}")
        done.append(f"{column}: {said}")
    return done


def _without_time(root: DraftNode, column: str) -> None:
    """Remove what needs a column to be a time."""
    parts = root.parts["attributes"].parts
    if "time" not in parts or parts["time"].value != column:
        return
    del parts["time"]
    if parts["landing"].parts.pop("batch", None) is not None:
        parts.pop("calendar", None)
