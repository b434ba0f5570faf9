"""The trial of one model beside another: its document and its page.

Belongs here: which rows count, the figures, the sentence. Does not belong here: statistics
(`blocks`, `bounds`, `betting`, `verdict`), HTML (`page`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.gate.words import count, number
from ml_assets.stages.metrics import parsed
from ml_assets.stages.result import Result
from ml_assets.stages.score.answer import CLASS, PREDICTION, PROBABILITY
from ml_assets.stages.score.batch import SEEN
from ml_assets.stages.score.pairs import CHALLENGER, CHAMPION, paired
from ml_assets.stages.train import folds
from ml_assets.stages.train.classes import aligned
from ml_assets.stages.train.encode import Array
from ml_assets.stages.trial.blocks import Blocks, blocks
from ml_assets.stages.trial.bounds import bound_of
from ml_assets.stages.trial.page import page
from ml_assets.stages.trial.verdict import Judged, judged

if TYPE_CHECKING:
    from ml_assets.spec.trial import TrialRun
    from ml_assets.stages.result import Handle

FORMAT = 1
LOSS = {
    "mae": "absolute error",
    "rmse": "squared error",
    "brier": "squared error of the probability",
    "log_loss": "log loss",
    "accuracy": "share of wrong classes",
    "pinball": "pinball loss",
}
"""What the mean by row of each metric's loss is called."""


def trial(
    spec: TrialRun,
    *,
    predictions: Mapping[str, Handle],
    challenger_predictions: Mapping[str, Handle],
    features: Mapping[str, Handle],
) -> Result:
    """Return `trial` (JSON) and `report` (HTML); each input is by batch, all of the same ones.

    Rows without a label or an event time do not count, nor those that either model was trained
    on, nor the newest block: more of its labels may come. `blocks` ends with the one that decided.
    StageError if the tables are not of the same rows.
    """
    both = [
        paired(predictions[b].table(), challenger_predictions[b].table(), features[b].table())
        for b in predictions
    ]
    labelled, used = together(both)
    compared = None if used is None else blocks_of(spec, used)
    rules = spec.trial
    values = np.zeros(0) if compared is None else compared.values
    made = judged(values, alpha=rules.alpha, equivalent=rules.equivalent, most=rules.max_blocks)
    shown = [] if compared is None else _listed(compared, made)
    document = {
        "format": FORMAT,
        "model": spec.model,
        "metric": spec.metric,
        "loss": LOSS[parsed(spec.metric)[0]],
        "unit": spec.target_unit,
        "alpha": rules.alpha,
        "block": rules.block,
        "max_blocks": rules.max_blocks,
        "equivalent": rules.equivalent,
        "champion": spec.champion.model_dump(mode="json"),
        "challenger": spec.challenger.model_dump(mode="json"),
        "batches": list(predictions),
        "rows": 0 if used is None else len(used),
        "unlabelled": sum(len(rows) for rows in both) - labelled,
        "blocks": shown,
        "means": _means(shown),
        "verdict": made.verdict,
    }
    document["sentence"] = _sentence(document)
    return Result({"trial": document, "report": page(document)}, {"verdict": made.verdict})


def together(both: Sequence[pa.Table]) -> tuple[int, pa.Table | None]:
    """Return how many paired rows have a label, and those that count; None without any."""
    some = [rows for rows in both if len(rows)]
    labelled = sum(len(rows) - rows["_target"].null_count for rows in some)
    kept = [rows.filter(_counts(rows)) for rows in some]
    kept = [rows for rows in kept if len(rows)]
    # A class that a model did not know in one of its batches has probability 0.
    return labelled, pa.concat_tables(kept, promote_options="permissive") if kept else None


def _counts(rows: pa.Table) -> pa.ChunkedArray:
    """Return by row whether it has a label and a time, and neither model was trained on it."""
    there = pc.and_(pc.is_valid(rows["_target"]), pc.is_valid(rows["_time"]))
    seen = pc.or_(rows[f"{CHAMPION}{SEEN}"], rows[f"{CHALLENGER}{SEEN}"])
    return pc.and_(there, pc.invert(seen))


def blocks_of(spec: TrialRun, rows: pa.Table) -> Blocks:
    """Return the blocks of rows that count, all but the newest."""
    sides = (CHAMPION, CHALLENGER)
    names = {
        side: [
            n.removeprefix(f"{side}{PROBABILITY}")
            for n in rows.column_names
            if n.startswith(f"{side}{PROBABILITY}")
        ]
        for side in sides
    }
    every = sorted({name for known in names.values() for name in known})
    said = {side: _said(spec, rows, side, names[side], every) for side in sides}
    by_time = blocks(
        spec.trial.block,
        rows["_time"].to_numpy().astype("datetime64[us]"),
        folds.labels(rows, every),
        said[CHAMPION],
        said[CHALLENGER],
        spec.metric,
        bound_of(spec.metric, spec.trial.bound),
    )
    return by_time.before_last()


def _said(
    spec: TrialRun, rows: pa.Table, side: str, classes: Sequence[str], every: Sequence[str]
) -> Array:
    """Return predictions (n,), or probabilities (n, classes)."""
    if every:
        columns = [_numbers(rows, f"{side}{PROBABILITY}{name}") for name in classes]
        return aligned(np.column_stack(columns), classes, every)
    # A class as the model's threshold decided, which may not be 0.5.
    decided = spec.metric == "accuracy" and f"{side}{CLASS}" in rows.column_names
    return _numbers(rows, f"{side}{CLASS if decided else PREDICTION}")


def _numbers(rows: pa.Table, name: str) -> Array:
    column = rows[name].cast(pa.float64()).fill_null(0.0)
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _listed(compared: Blocks, made: Judged) -> list[dict[str, Any]]:
    """Return the blocks up to the one that decided, with the ends of the sequence after each."""
    last = len(made.low) if made.at is None else made.at + 1
    values = compared.values
    return [
        {
            "start": str(compared.start[place]),
            "rows": int(compared.rows[place]),
            "champion": float(compared.champion[place]),
            "challenger": float(compared.challenger[place]),
            "bound": float(compared.bound[place]),
            "value": float(values[place]),
            "low": round(float(made.low[place]), 6),
            "high": round(float(made.high[place]), 6),
        }
        for place in range(last)
    ]


def _means(shown: Sequence[Mapping[str, Any]]) -> dict[str, float] | None:
    """Return means over the blocks; None without any."""
    if not shown:
        return None
    names = ("champion", "challenger", "value")
    return {name: float(np.mean([block[name] for block in shown])) for name in names}


def _sentence(document: Mapping[str, Any]) -> str:
    ours, theirs = document["challenger"]["version"], document["champion"]["version"]
    shown, means = document["blocks"], document["means"]
    if not shown:
        return (
            f"The trial of {ours} beside champion {theirs} is on: no complete {document['block']} "
            "with labels yet."
        )
    said = {
        "better": f"{ours} is shown to be better than champion {theirs}",
        "worse": f"{ours} is shown to be worse than champion {theirs}",
        "equivalent": f"{ours} and champion {theirs} are shown to be equivalent",
        "undecided": f"Neither of {ours} and champion {theirs} is shown to be better",
        "running": f"Neither of {ours} and champion {theirs} is shown to be better yet",
    }[document["verdict"]]
    figures = [
        number(document["metric"], means[side], _unit(document))
        for side in ("challenger", "champion")
    ]
    over = count(len(shown), document["block"])
    sure = f"{100 * (1 - document['alpha']):g}"
    return (
        f"{said}, after {over}: {document['loss']} {figures[0]} against {figures[1]}; the mean "
        f"difference is {share(shown[-1]['low'])} to {share(shown[-1]['high'])} of the largest "
        f"possible ({sure}% sure at every look)."
    )


def _unit(document: Mapping[str, Any]) -> str | None:
    """Return the unit of the loss; of squared errors the target's is not."""
    return None if document["metric"] == "rmse" else document["unit"]


def share(value: float) -> str:
    """Return a share as a percentage.

    >>> share(0.125), share(0.5)
    ('12.5%', '50%')
    """
    return f"{100 * value:.3g}%".replace("-", "\N{MINUS SIGN}")
