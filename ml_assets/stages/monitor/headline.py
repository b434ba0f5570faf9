"""The figures of a monitoring report that are shown inline and plotted over batches.

Belongs here: choosing them. Does not belong here: computing, markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.stages.monitor.verdicts import TITLES, VERDICTS
from ml_assets.stages.quality.headline import SHOWN_TESTS, WORDS
from ml_assets.stages.quality.words import number

Known = Mapping[str, Any]


def headline(figures: Known) -> dict[str, Any]:
    """Return {"model", "verdicts": [[title, word, sentence]], "drift", "numbers"}.

    "numbers" are figures by name; "drift" are the columns that changed most: [column, kind,
    effect, limit, over].
    """
    verdicts = {name: verdict(figures) for name, verdict in VERDICTS.items()}
    return {
        "model": figures["model"],
        "verdicts": [[TITLES[n], WORDS[v.passed], v.said] for n, v in verdicts.items()],
        "drift": [
            [column, e["statistic"], number(e["value"]), number(e["threshold"]), e["over"]]
            for column, e in list(figures["drift"].items())[:SHOWN_TESTS]
        ],
        "numbers": numbers(figures),
    }


def numbers(figures: Known) -> dict[str, float]:
    """Return the figures of a batch that may be followed over time, by name."""
    values: dict[str, Any] = {"rows": figures["rows"]}
    if figures["drift"]:
        values["drifted_columns"] = sum(entry["over"] for entry in figures["drift"].values())
    values |= {f"effect_{name}": entry["value"] for name, entry in figures["drift"].items()}
    values |= {
        f"effect_of_{name}": entry["value"] for name, entry in figures["prediction_drift"].items()
    }
    if figures["joint"] is not None:
        values["joint_auc"] = figures["joint"]["auc"]
    if figures["missing"]:
        values["missing_share"] = sum(figures["missing"].values()) / len(figures["missing"])
    if figures["labels"]["share"] is not None:
        values["labelled_share"] = figures["labels"]["share"]
    if figures["labels"]["late_days"] is not None:
        values["labels_late_days"] = figures["labels"]["late_days"]
    values |= _served(figures["service"])
    if figures["protected"] is not None:
        values |= {
            f"apart_{column['column']}_{name}": entry["value"]
            for column in figures["protected"]["columns"]
            for name, entry in column["apart"].items()
            if entry["value"] is not None
        }
    rival = figures["challenger"]
    if rival is not None and rival["mean_absolute_difference"] is not None:
        values["apart_from_challenger"] = rival["mean_absolute_difference"]
        if rival.get("differing") is not None:
            values["differing_from_challenger"] = rival["differing"]
    values |= {
        f"realized_{name}": entry["value"]
        for name, entry in figures["realized"].items()
        if entry["value"] is not None
    }
    values |= {
        f"estimated_{name}".replace(" (weighted)", "_weighted"): entry["value"]
        for name, entry in figures["estimated"].items()
        if entry["value"] is not None
    }
    return {name: float(f"{value:.6g}") for name, value in values.items()}


def _served(service: Known | None) -> dict[str, float]:
    """Return the figures of how requests were answered."""
    if service is None:
        return {}
    seconds = {f"seconds_{name}": value for name, value in service["seconds"].items()}
    return {"requests": service["requests"], **seconds}
