"""The contract as a pandera schema: which rows break which rules.

Belongs here: rules on columns and between columns, keys, and messages about violations.
Does not belong here: what happens to such rows (`clean`), types (`ingest`).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.pandas as pandera
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaError, SchemaErrors

from ml_assets.faults import StageError
from ml_assets.stages.expressions import truth
from ml_assets.stages.shown import value

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.dataset import Contract

Mask = npt.NDArray[np.bool_]
KEY = "key.unique"


@dataclass(frozen=True)
class Rule:
    """One rule of a contract, which every row passes or fails."""

    id: str
    field: str
    """The column that pandera sees: a contract's column, or one made for a cross-column rule."""
    column: str | None
    passes: Callable[[Any], Any]
    """From the column (without missing values, unless `missing`) to true for a valid value."""
    wanted: str
    warn: bool
    missing: bool = False
    """Whether the rule is about missing values."""


def rules(contract: Contract) -> list[Rule]:
    """Return the rules in the contract's order: those of its columns, then those between them."""
    column_rules = [rule for name, column in contract.columns.items() for rule in _of(name, column)]
    return column_rules + [
        Rule(item.id, f"rule {item.id}", None, _is_true, item.reason, item.action == "warn")
        for item in contract.rules
    ]


def _of(name: str, column: Column) -> Iterator[Rule]:
    warn = column.action == "warn"
    if not column.nullable:
        yield Rule(f"{name}.not_null", name, name, _present, "a value", warn, missing=True)
    if column.range is not None:
        low, high = column.range
        unit = f" {column.unit}" if column.unit else ""
        limits = [f"at least {low:g}"] if low is not None else []
        limits += [f"at most {high:g}"] if high is not None else []
        wanted = f"{' and '.join(limits)}{unit}"
        yield Rule(f"{name}.range", name, name, _between(low, high), wanted, warn)
    if column.allowed is not None:
        allowed = list(column.allowed)
        wanted = f"one of {', '.join(str(item) for item in allowed[:20])}"
        wanted += ", …" if len(allowed) > 20 else ""
        yield Rule(f"{name}.allowed", name, name, _in(allowed), wanted, warn)
    if column.pattern is not None:
        wanted = f"a text matching {column.pattern}"
        yield Rule(f"{name}.pattern", name, name, _matches(column.pattern), wanted, warn)


def broken(contract: Contract, frame: pd.DataFrame) -> dict[str, Mask]:
    """Return, for each rule that some row breaks, the mask of those rows; in rule order.

    `frame` has the contract's columns in pandas types (`frames.to_frame`). A missing value
    breaks no rule but `not_null`. The key's rule is `repeated`, since it depends on the others. A
    mask is (n,), one value per row. StageError for an expression that cannot be evaluated.
    """
    wanted = rules(contract)
    if not wanted or not len(frame):
        return {}
    made = {
        f"rule {item.id}": truth(item.expression, frame, f"rule {item.id}").fillna(True)
        for item in contract.rules
    }
    needed = {rule.column for rule in wanted if rule.column is not None}
    seen = pd.DataFrame({name: _plain(frame[name]) for name in frame.columns if name in needed})
    seen = seen.assign(**made)
    failures = _failures(_schema(wanted), seen)
    return {rule.id: failures[rule.id] for rule in wanted if rule.id in failures}


def _failures(schema: pandera.DataFrameSchema, frame: pd.DataFrame) -> dict[str, Mask]:
    """Return the rows that fail each check, all checks run."""
    try:
        # Set explicitly: pandera's environment variables could otherwise disable the contract.
        with config_context(True, ValidationDepth.SCHEMA_AND_DATA), warnings.catch_warnings():
            # pandera concatenates its failure cases, whatever their types: they are not used here.
            warnings.filterwarnings("ignore", "The behavior of DataFrame concat", FutureWarning)
            schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        failing = errors.schema_errors
        return {item.check.name: _failing(item, len(frame)) for item in failing}
    return {}


def _schema(wanted: list[Rule]) -> pandera.DataFrameSchema:
    checks: dict[str, list[pandera.Check]] = {}
    for rule in wanted:
        # One failure case is enough for pandera's own message; only the masks are used.
        check = pandera.Check(
            rule.passes, name=rule.id, ignore_na=not rule.missing, n_failure_cases=1
        )
        checks.setdefault(rule.field, []).append(check)
    return pandera.DataFrameSchema(
        {name: pandera.Column(None, checks=own, nullable=True) for name, own in checks.items()}
    )


def _plain(column: pd.Series) -> pd.Series:
    """Return categories as text: pandera 0.35 cannot report a missing category."""
    category = isinstance(column.dtype, pd.CategoricalDtype)
    return column.astype("string[pyarrow]") if category else column


def _failing(error: SchemaError, length: int) -> Mask:
    """Return a mask from pandera's check output, which omits rows with missing values."""
    output = error.check_output
    if output is None:
        raise StageError(f"rule {error.check.name} could not be checked: {error}")
    mask = np.zeros(length, dtype=np.bool_)
    mask[output.index[~output.astype(bool)]] = True
    return mask


def repeated(key: tuple[str, ...], frame: pd.DataFrame, good: Mask) -> dict[int, int]:
    """Return valid rows that repeat the key of an earlier valid one: row number to the first's.

    A key with a missing part is not a key: such rows repeat nothing.
    """
    if not key:
        return {}
    keyed = frame.loc[good, list(key)].dropna()
    again = keyed[keyed.duplicated(list(key))]
    if again.empty:
        return {}
    first = (
        keyed.assign(_row=keyed.index).groupby(list(key), observed=True)["_row"].transform("first")
    )
    return dict(zip(again.index.tolist(), first.loc[again.index].tolist(), strict=True))


def reason(rule: Rule, row: Mapping[str, Any], columns: Mapping[str, Column]) -> str:
    """Return how a row breaks a rule: what was got, and what was wanted."""
    if rule.column is None:
        return f"{rule.id}: {rule.wanted}"
    if rule.missing:
        return f"{rule.column}: is missing, wanted {rule.wanted}"
    return f"{rule.column}: {value(row[rule.column], columns[rule.column])}, wanted {rule.wanted}"


def _present(values: pd.Series) -> pd.Series:
    return values.notna()


def _is_true(values: pd.Series) -> pd.Series:
    return values.astype(bool)


def _between(low: float | None, high: float | None) -> Callable[[pd.Series], pd.Series]:
    def passes(values: pd.Series) -> pd.Series:
        good = pd.Series(True, index=values.index)
        if low is not None:
            good &= values >= low
        if high is not None:
            good &= values <= high
        return good

    return passes


def _in(allowed: list[Any]) -> Callable[[pd.Series], pd.Series]:
    return lambda values: values.isin(allowed)


def _matches(pattern: str) -> Callable[[pd.Series], pd.Series]:
    compiled = re.compile(pattern)

    def passes(values: pd.Series) -> pd.Series:
        return values.isin([text for text in values.unique() if compiled.fullmatch(text)])

    return passes
