"""Metrics of a batch before its labels are there, with an interval that was tried on the past.

Belongs here: the estimate of a batch, and when there is none. Does not belong here: how a metric
is estimated (`cbpe`, `dle`), back-tests (`backtests`).

Each batch of the reference is estimated from the batches before it, as it would have been. The
interval is the estimate, plus and minus the k-th smallest of the B errors made so far, k =
ceil((B + 1) * coverage): split conformal prediction with batches as the examples (H. Papadopoulos
et al., 2002). Whether that holds, though batches come in order, is counted on the back-tests: each
has the interval that the errors before it gave. With fewer than 20, or if their exact interval (C.
Clopper, E. Pearson, 1934) excludes what is claimed, a batch is not estimable. No estimate without
labels sees a change of the relation between features and target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ml_assets.stages import metrics
from ml_assets.stages.counted import counted
from ml_assets.stages.evaluate.coverage import exact
from ml_assets.stages.metrics import Array
from ml_assets.stages.monitor import backtests, cbpe, dle
from ml_assets.stages.monitor.backtests import FEWEST_KNOWN, FEWEST_ROWS, Backtest, Learned
from ml_assets.stages.monitor.reference import NotEstimable, Reference

FEWEST_BACKTESTS = 20
LEVEL = 0.95
"""Of the exact interval of the back-tests' coverage."""
_UNBOUNDED = frozenset({"mae", "rmse", "mape", "log_loss"})
_WITHOUT = {
    "r2": "R² needs the spread of targets, which are not there",
    "median_ae": "the median of errors does not follow from the mean error of rows like these",
}


@dataclass(frozen=True)
class Estimate:
    """A metric of a batch, or why there is none."""

    method: str
    weighted: bool
    value: float | None
    low: float | None
    high: float | None
    rows: int
    backtests: int
    covered: int
    status: str
    why: str | None

    def document(self) -> dict[str, Any]:
        """Return the estimate as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Estimator:
    """Estimates one metric of later batches."""

    method: str
    weighted: bool
    metric: str
    coverage: float
    seed: int
    known: Reference
    learned: Learned | None
    tried: Sequence[Backtest]
    """The batches of the reference that were estimated, in order of time."""
    why: str | None
    """Why no batch is estimable."""

    @property
    def tested(self) -> list[Backtest]:
        """The batches whose interval was tried: those with enough errors before them."""
        return [one for one in self.tried if one.reach is not None]

    def document(self) -> dict[str, Any]:
        """Return as JSON all but the reference, and what was learned from it."""
        tried = [asdict(one) for one in self.tried]
        said = {"method": self.method, "weighted": self.weighted, "metric": self.metric}
        return {**said, "why": self.why, "tried": tried}

    def estimate(self, features: Array, prediction: Array) -> Estimate:
        """Return the estimate for a batch: features (n, width) and predictions, without targets."""
        rows, why = len(features), self.why
        if why is None and rows < FEWEST_ROWS:
            why = f"the batch has {counted(rows, 'row')}, wanted at least {FEWEST_ROWS}"
        if why is None and self.learned is not None:
            asked = self.learned, self.known, features, prediction
            try:
                value = backtests.value(*asked, weighted=self.weighted, seed=self.seed)
            except NotEstimable as error:
                why = str(error)
            else:
                return self._told(rows, value, None)
        return self._told(rows, None, why)

    def _told(self, rows: int, value: float | None, why: str | None) -> Estimate:
        low = high = None
        if value is not None:
            typical = backtests.typical_rows(self.known)
            reach = backtests.reach(self.tried, rows, typical, self.coverage) or 0.0
            low, high = max(value - reach, 0.0), value + reach
            high = high if self.metric in _UNBOUNDED else min(high, 1.0)
        return Estimate(
            method=self.method,
            weighted=self.weighted,
            value=value,
            low=low,
            high=high,
            rows=rows,
            backtests=len(self.tested),
            covered=sum(one.covered for one in self.tested),
            status="not estimable" if value is None else "estimated",
            why=why,
        )


def fit(
    task: str,
    metric: str,
    reference: Reference,
    *,
    weighted: bool = False,
    coverage: float = 0.9,
    seed: int = 7,
) -> Estimator:
    """Learn from rows with targets how to estimate a metric without, and try it on their batches.

    `weighted`: by a density ratio of reference and batch. A metric that cannot be estimated and a
    reference that is too small give an estimator that says so.
    """

    def learn(known: Reference) -> Learned:
        return _learn(task, metric, known, seed)

    learned: Learned | None = None
    tried: list[Backtest] = []
    why = _unsupported(task, metric) or _too_small(reference)
    if why is None:
        try:
            learned = learn(reference)
            tried = backtests.tried(
                learn,
                task,
                metric,
                reference,
                coverage=coverage,
                weighted=weighted,
                seed=seed,
            )
            why = _untried(tried, coverage)
        except NotEstimable as error:
            why = str(error)
    method = "dle" if task == "regression" else "cbpe"
    told = (method, weighted, metric, coverage, seed, reference, learned, tried, why)
    return Estimator(*told)


def restored(
    task: str, document: Mapping[str, Any], reference: Reference, *, coverage: float, seed: int
) -> Estimator:
    """Return the estimator whose `document` it is, on the same reference."""
    metric, why = str(document["metric"]), document["why"]
    learned: Learned | None = None
    try:
        learned = _learn(task, metric, reference, seed) if why is None else None
    except NotEstimable as error:
        why = str(error)
    tried = [Backtest(**one) for one in document["tried"]]
    told = (document["method"], document["weighted"], metric, coverage, seed, reference)
    return Estimator(*told, learned, tried, why)


def _learn(task: str, metric: str, known: Reference, seed: int) -> Learned:
    return dle.Dle(metric, known, seed) if task == "regression" else cbpe.Cbpe(metric, known)


def supported(task: str) -> list[str]:
    """Return the metrics of a task that can be estimated.

    >>> supported("regression")
    ['mae', 'rmse', 'mape']
    """
    known = dle.SUPPORTED if task == "regression" else cbpe.SUPPORTED
    every = metrics.named(task, metrics.ASKED[task])
    return [name for name in every if name in known]


def _unsupported(task: str, metric: str) -> str | None:
    if metric in supported(task):
        return None
    wanted = f"one of {', '.join(supported(task))}"
    return f"{_WITHOUT.get(metric, f'{metric} is not estimated')}; wanted {wanted}"


def _too_small(reference: Reference) -> str | None:
    if len(reference) >= FEWEST_KNOWN:
        return None
    return f"the reference has {counted(len(reference), 'row')}, wanted at least {FEWEST_KNOWN}"


def _untried(tried: Sequence[Backtest], coverage: float) -> str | None:
    """Return why the interval cannot be trusted, or None."""
    tested = [one for one in tried if one.reach is not None]
    if len(tested) < FEWEST_BACKTESTS:
        times = counted(len(tested), "batch", "batches")
        return (
            f"the interval was tried on {times} of the reference, wanted at least "
            f"{FEWEST_BACKTESTS}"
        )
    covered = sum(one.covered for one in tested)
    low, high = exact(covered, len(tested), LEVEL)
    if low <= coverage <= high:
        return None
    return (
        f"the interval held {covered} of {len(tested)} earlier batches, between {low:.0%} and "
        f"{high:.0%} (95 % interval); {coverage:.0%} was claimed"
    )
