"""Drift: which columns of a batch differ from the reference by more than chance, and how.

Belongs here: effects with their thresholds, a sentence each. Does not belong here: computing
thresholds (`calibrate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.counted import counted
from ml_assets.stages.quality import calibrate, effects
from ml_assets.stages.quality.encode import FEW, MAIN_LEVELS, Coded, coded
from ml_assets.stages.quality.words import listed, number, percent, quoted

if TYPE_CHECKING:
    from ml_assets.spec.quality import ReportSpec

Known = Mapping[str, Any]


def drift(
    spec: ReportSpec, reference: Known, cleaned: pa.Table, blocks: float
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return the tests of a batch, largest relative to threshold first, and those not computed.

    A test is {"column", "kind", "effect", "threshold" (None: not calibrated), "alarm", "said"};
    one not computed is {"what", "why"}. `blocks` is the size of the batch.
    """
    tests: list[dict[str, Any]] = []
    lacking = [{"what": f"drift of {n}", "why": why} for n, why in reference["skipped"].items()]
    present = set(cleaned.column_names)
    for name, known in reference["columns"].items():
        if name not in present:
            continue
        seen = coded(cleaned.column(name), known)
        column_tests, why = _of(name, known, seen, spec.columns[name].sensitive)
        lacking += [{"what": f"drift of {name}", "why": why}] if why else []
        tests += column_tests
    limits = reference["thresholds"].get("drift", {})
    floors = spec.smallest.model_dump()
    for test in tests:
        by_size = limits.get(test["kind"], {}).get(test["column"])
        judge(test, by_size, blocks, reference["blocks"], floors[test["kind"]])
    tests = [t for t in tests if t["kind"] in ("numeric", "categorical") or t["effect"] > 0]
    return sorted(tests, key=_order), lacking


def judge(
    test: dict[str, Any], by_size: list[float] | None, size: float, blocks: int, least: float
) -> None:
    """Add threshold and alarm to an effect: above chance, and above the smallest that matters."""
    test["threshold"] = None
    if by_size is not None:
        limit = calibrate.at_size(by_size, size, blocks)
        test["threshold"] = float(f"{max(limit, least):.4g}")
    test["alarm"] = test["threshold"] is not None and test["effect"] > test["threshold"]
    test["effect"] = float(f"{test['effect']:.4g}")


def _order(test: Mapping[str, Any]) -> tuple[float, str, str]:
    ratio = test["effect"] / test["threshold"] if test["threshold"] else test["effect"]
    return -ratio, test["column"], test["kind"]


def _of(name: str, known: Known, seen: Coded, sensitive: bool) -> tuple[list[dict[str, Any]], str]:
    """Return the tests of a column, and why its values were not compared, if they were not."""
    tests = [_missing(name, known, seen)] if len(seen.codes) else []
    present = len(seen.codes) - int(seen.missing.sum())
    unseen = sum(seen.unseen.values())
    if known["kind"] == "categorical" and present:
        tests.append(_unseen(name, seen, unseen, sensitive))
    if present - unseen < FEW:
        few = f"{counted(present - unseen, 'value')} known from the reference" if unseen else ""
        return tests, f"the batch has {few or counted(present, 'value')}, wanted at least {FEW}"
    counts = np.bincount(seen.codes[seen.codes >= 0], minlength=len(known["counts"]))
    now, then = counts.astype(np.float64), np.array(known["counts"], dtype=np.float64)
    measure = _numeric if known["kind"] == "numeric" else _categorical
    effect, said = measure(known, now, then)
    if sensitive:
        said = "the column is sensitive: values are not shown"
    tests.append({"column": name, "kind": known["kind"], "effect": effect, "said": said})
    return tests, ""


def _numeric(known: Known, now: Any, then: Any) -> tuple[float, str]:
    before, after = np.cumsum(effects.shares(then)), np.cumsum(effects.shares(now))
    place = int(np.argmax(np.abs(after - before)[:-1]))
    said = (
        f"{percent(after[place])} of the values are at most {number(known['edges'][place])}, "
        f"in the reference {percent(before[place])}"
    )
    return float(effects.kolmogorov_smirnov(now, then)), said


def _categorical(known: Known, now: Any, then: Any) -> tuple[float, str]:
    before, after = effects.shares(then), effects.shares(now)
    place = int(np.argmax(np.abs(after - before)))
    rare = f"the {len(known['levels']) - MAIN_LEVELS:,} rarer values together"
    level = quoted(known["levels"][place]) if place < MAIN_LEVELS else rare
    said = f"{level}: {percent(after[place])}, in the reference {percent(before[place])}"
    return float(effects.total_variation(now, then)), said


def _missing(name: str, known: Known, seen: Coded) -> dict[str, Any]:
    now = float(seen.missing.mean())
    then = known["missing"] / max(known["missing"] + sum(known["counts"]), 1)
    said = f"{percent(now)} are missing, in the reference {percent(then)}"
    effect = abs(float(effects.cohens_h(now, then)))
    return {"column": name, "kind": "missing", "effect": effect, "said": said}


def _unseen(name: str, seen: Coded, unseen: int, sensitive: bool) -> dict[str, Any]:
    share = unseen / len(seen.codes)
    values = [f"{quoted(level)} ({rows:,})" for level, rows in seen.unseen.items()]
    shown = f"{counted(len(values), 'value')}, not shown" if sensitive else listed(values)
    said = f"{counted(unseen, 'row')} ({percent(share)}) with values that are not in the reference"
    return {"column": name, "kind": "unseen", "effect": share, "said": f"{said}: {shown}"}
