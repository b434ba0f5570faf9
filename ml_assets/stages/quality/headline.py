"""The figures of a report that are shown inline and plotted over batches.

Belongs here: choosing them. Does not belong here: computing, markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.stages.quality.verdicts import VERDICTS
from ml_assets.stages.quality.words import number

SHOWN_TESTS = 8
WORDS = {True: "as expected", False: "warning", None: "not judged"}
TITLES = {
    "volume": "Volume",
    "completeness": "Completeness",
    "drift": "Drift",
    "selection_bias": "Selection bias",
}
PLOTTED = (
    "rows",
    "ratio",
    "missing_share",
    "empty_blocks",
    "drifted_columns",
    "largest_by_threshold",
    "removed_share",
)


def headline(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return {"rows", "verdicts": [[title, word, sentence]], "drift": […], "numbers"}.

    "rows" and "numbers" are figures by name. "drift" are the tests that are largest relative to
    their limits: [column, kind, effect, limit, alarm].
    """
    verdicts = {name: verdict(figures) for name, verdict in VERDICTS.items()}
    numbers: dict[str, Any] = {
        f"{name}_{key}": verdict.numbers[key]
        for name, verdict in verdicts.items()
        for key in PLOTTED
        if key in verdict.numbers
    }
    numbers |= {
        f"effect_{test['column']}": test["effect"]
        for test in figures["drift"]
        if test["kind"] in ("numeric", "categorical")
    }
    return {
        "rows": {
            "landed": figures["rows"]["landed"],
            "cleaned": figures["rows"]["cleaned"],
            "filtered": sum(figures["filtered"].values()),
            "quarantined": sum(figures["quarantined"].values()),
            **_unlabelled(figures),
        },
        "verdicts": [[TITLES[n], WORDS[v.passed], v.said] for n, v in verdicts.items()],
        "drift": [
            [t["column"], t["kind"], number(t["effect"]), number(t["threshold"]), t["alarm"]]
            for t in figures["drift"][:SHOWN_TESTS]
        ],
        "numbers": numbers,
    }


def _unlabelled(figures: Mapping[str, Any]) -> dict[str, int]:
    unlabelled = figures.get("unlabelled")
    return {} if unlabelled is None else {"unlabelled": sum(unlabelled.values())}
