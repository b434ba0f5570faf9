"""Tiny batches through ingest and clean, for the tests of a dataset's stages."""

from __future__ import annotations

from typing import Any

from ml_assets.spec.dataset import CleanSpec, IngestSpec
from ml_assets.stages.clean import clean
from ml_assets.stages.ingest import ingest
from ml_assets.stages.result import Result
from ml_assets_tests.handles import given

COLUMNS: dict[str, Any] = {"number": {"type": "integer"}, "name": {"type": "text"}}


def ingested(
    content: bytes, columns: dict[str, Any] | None = None, **landing: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Return raw and rejects as rows, and the summary."""
    found = ingest(ingest_spec(columns, **landing), landed=given(content)).outputs
    return found["raw"].to_pylist(), found["rejects"].to_pylist(), found["summary"]


def ingest_spec(columns: dict[str, Any] | None = None, **landing: Any) -> IngestSpec:
    """Return the spec of a dataset with two columns, or others."""
    return IngestSpec.model_validate(
        {
            "dataset": "people",
            "landing": {"pattern": ".*", **landing},
            "columns": columns or COLUMNS,
        }
    )


def clean_spec(columns: dict[str, Any] | None = None, **parts: Any) -> CleanSpec:
    """Return the spec of cleaning; `key` and `rules` go to the contract."""
    contract = {"columns": columns or COLUMNS}
    contract |= {name: parts.pop(name) for name in ("key", "rules") if name in parts}
    return CleanSpec.model_validate({"dataset": "people", "contract": contract, **parts})


def cleaned(content: bytes, spec: CleanSpec, **landing: Any) -> Result:
    """Ingest and clean a file."""
    reading = IngestSpec.model_validate(
        {
            "dataset": "people",
            "landing": {"pattern": ".*", **landing},
            "columns": spec.contract.columns,
        }
    )
    found = ingest(reading, landed=given(content)).outputs
    return clean(spec, **{name: given(value) for name, value in found.items()})


def rows(result: Result, name: str = "cleaned") -> list[dict[str, Any]]:
    """Return a table among the outputs as rows."""
    return list(result.outputs[name].to_pylist())


def brief(result: Result) -> list[tuple[int, str]]:
    """Return line and rule of every record in quarantine."""
    return [(row["_line"], row["rule"]) for row in rows(result, "quarantine")]
