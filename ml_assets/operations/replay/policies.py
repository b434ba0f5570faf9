"""What policies of training would have cost, given what every model loses on every later batch.

Belongs here: pure functions of a matrix of losses; the best in hindsight by dynamic programming.
Does not belong here: computing the matrix (`matrix`), showing it (`page`).

Before each batch, a policy keeps the model in service or takes the newest one that labels allow,
at the price of a training. It knows the inputs of earlier batches, and the labels of those that are
older than the delay. A cost is the sum of the losses of all rows, plus the price of each training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ml_assets.operations.replay.matrix import Matrix

Drift = Callable[[int, int], float | None]
"""How far the batch at a place is from what a model was trained on."""


@dataclass(frozen=True)
class Setting:
    """What a replay is about."""

    matrix: Matrix
    drift: Drift
    delay: int = 0
    """How many batches later labels are there."""
    price: float = 0.0
    """Of a training, in the sum of losses."""
    warm_up: int = 3
    """How many batches parameters are fixed on."""

    def fresh(self, place: int) -> int:
        """Return the newest model that can serve the batch at a place; 0 if there is none."""
        known = [number for number in self.matrix.models if number <= place - self.delay]
        return max(known, default=0)

    def rows(self, place: int) -> int:
        """Return how many rows of the batch at a place are measured."""
        return self.matrix.loss(self.fresh(place), place).rows

    @cached_property
    def served(self) -> list[int]:
        """The places of batches with a label for which there is a model."""
        return [
            place
            for place in range(len(self.matrix.batches))
            if self.fresh(place) and self.rows(place)
        ]

    @cached_property
    def first(self) -> list[int]:
        """The places on which parameters are fixed."""
        return self.served[: self.warm_up]

    @cached_property
    def judged(self) -> list[int]:
        """The places on which policies are compared."""
        return self.served[self.warm_up :]


@dataclass(frozen=True)
class Past:
    """What a policy knows before it decides about the batch at `place`."""

    setting: Setting
    place: int
    model: int
    """The model in service."""
    since: Sequence[int]
    """The places that it has served."""
    used: Sequence[int]
    """All models that the policy has had so far."""

    @property
    def labelled(self) -> int:
        """The newest place whose labels have come."""
        return self.place - 1 - self.setting.delay

    @property
    def known(self) -> list[int]:
        """The places, among those that this model served, whose labels have come."""
        return [one for one in self.since if one <= self.labelled]


Rule = Callable[[Past], bool]


@dataclass(frozen=True)
class Outcome:
    """What became of a policy."""

    models: Sequence[int]
    """The model that served each place."""
    trained: Sequence[int]
    """The places before which a model was trained."""
    loss: float
    rows: int
    cost: float


def simulated(setting: Setting, places: Sequence[int], rule: Rule) -> Outcome:
    """Return what a rule does on some places; the first is served by the newest model there is."""
    model = setting.fresh(places[0])
    models, trained, since, used = list[int](), list[int](), list[int](), [model]
    for place in places:
        fresh = setting.fresh(place)
        new = fresh != model and rule(Past(setting, place, model, since, used))
        if new:
            model, since = fresh, []
            used.append(model)
            trained.append(place)
        since = [*since, place]
        models.append(model)
    return outcome(setting, places, models, trained)


def outcome(
    setting: Setting, places: Sequence[int], models: Sequence[int], trained: Sequence[int]
) -> Outcome:
    """Return what it costs that models served places."""
    losses = [setting.matrix.loss(m, place) for m, place in zip(models, places, strict=True)]
    loss, rows = sum(one.total for one in losses), sum(one.rows for one in losses)
    return Outcome(models, trained, loss, rows, loss + setting.price * len(trained))


def never(_past: Past) -> bool:
    """Keep the first model."""
    return False


def always(_past: Past) -> bool:
    """Take every new model."""
    return True


def every(count: int) -> Rule:
    """Train when so many batches are new."""
    return lambda past: past.setting.fresh(past.place) - past.model >= count


def drifted(limit: float) -> Rule:
    """Train when the batch before is further from the training rows than a limit."""

    def rule(past: Past) -> bool:
        found = _drift(past)
        return found is not None and found > limit

    return rule


def worse(limit: float) -> Rule:
    """Train when the newest labels show a loss above that on test by more than a share."""

    def rule(past: Past) -> bool:
        found = _excess(past)
        return found is not None and found > limit

    return rule


def stale(past: Past) -> bool:
    """Train when what staleness has cost since the last training reaches the price of one.

    The loss of a row by each batch of age is the slope through the origin of the differences
    between older and newer models on the same batches: those of the warm-up, and those that the
    policy has itself had since. Where age costs the same in every batch, it is the best cadence.
    """
    setting, cost = past.setting, slope(past)
    if cost <= 0:
        return False
    rows = [setting.rows(place) for place in setting.served if place <= past.labelled]
    typical = sum(rows) / len(rows) if rows else 0.0
    ages = [setting.fresh(place) - past.model for place in (*past.since, past.place)]
    return sum(ages) * typical * cost >= setting.price


def slope(past: Past) -> float:
    """Return the loss of a row by each batch that a model is older than another, as known then."""
    setting, matrix = past.setting, past.setting.matrix
    pairs = [
        (setting.fresh(place), older, place)
        for place in setting.first
        for older in matrix.models
        if older < setting.fresh(place)
    ]
    pairs += [
        (newer, older, place)
        for place in setting.judged
        for newer in past.used
        for older in past.used
        if older < newer <= place - setting.delay
    ]
    over = under = 0.0
    for newer, older, place in set(pairs):
        new, old = matrix.loss(newer, place).mean, matrix.loss(older, place).mean
        if place > past.labelled or new is None or old is None:
            continue
        over += (newer - older) * (old - new)
        under += (newer - older) ** 2
    return over / under if under else 0.0


def _drift(past: Past) -> float | None:
    """Return the drift of the newest batch that the model in service has served."""
    return past.setting.drift(past.model, past.since[-1]) if past.since else None


def _excess(past: Past) -> float | None:
    """Return by which share the newest realized loss is above that on test."""
    matrix = past.setting.matrix
    test = matrix.models[past.model].test.mean
    if not past.known or not test:
        return None
    realized = matrix.loss(past.model, past.known[-1]).mean
    return None if realized is None else realized / test - 1.0


def fixed(setting: Setting, name: str) -> float | None:
    """Return the limit of drift or loss with the least cost on the first batches.

    Tried are the figures that were seen there, and none at all: None, which trains never. Of limits
    with the same cost the one is taken that trains least.
    """
    figure, rule = {"drift": (_drift, drifted), "loss": (_excess, worse)}[name]
    seen: set[float] = set()

    def look(past: Past) -> bool:
        found = figure(past)
        seen.update([] if found is None else [found])
        return True

    # What a policy sees depends on when it trains: look at the figures of both extremes.
    simulated(setting, setting.first, look)
    simulated(setting, setting.first, lambda past: not look(past))
    best, limit = simulated(setting, setting.first, never).cost, None
    # A limit just below each figure, so that the figure itself is above it.
    for value in sorted(seen, reverse=True):
        below = value - max(abs(value), 1.0) * 1e-9
        cost = simulated(setting, setting.first, rule(below)).cost
        if cost < best:
            best, limit = cost, below
    return limit


def hindsight(setting: Setting, places: Sequence[int]) -> Outcome:
    """Return the sequence of trainings with the least cost of all, by dynamic programming.

    `cost[model]` is the least cost up to a place with this model in service. Of sequences with the
    same cost the one with fewer trainings is taken.
    """
    start = setting.fresh(places[0])
    matrix, price = setting.matrix, setting.price
    best: dict[int, tuple[float, int, tuple[int, ...]]] = {}
    for number, place in enumerate(places):
        if number == 0:
            best = {start: (matrix.loss(start, place).total, 0, (start,))}
            continue
        fresh = setting.fresh(place)
        after = {
            model: (cost + matrix.loss(model, place).total, count, (*path, model))
            for model, (cost, count, path) in best.items()
        }
        if fresh not in best:
            cost, count, path = min(best.values())
            loss = matrix.loss(fresh, place).total
            after[fresh] = (cost + price + loss, count + 1, (*path, fresh))
        best = after
    _, _, models = min(best.values())
    trained = [
        place
        for number, place in enumerate(places)
        if number and models[number] != models[number - 1]
    ]
    return outcome(setting, places, list(models), trained)
