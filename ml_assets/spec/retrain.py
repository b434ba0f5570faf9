"""The `retrain` section of a model: when new data train it again.

Belongs here: the section, and what a model must have for it. Does not belong here: whether it is
time now (`engine/retrain`).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ml_assets.spec.base import Spec
from ml_assets.spec.mistakes import Place

if TYPE_CHECKING:
    from ml_assets.spec.dataset import DatasetSpec
    from ml_assets.spec.model import ModelSpec

Loss = Literal["estimated", "realized"]
_DAYS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.0, "year": 365.0}
_PERIOD = re.compile(rf"(?:(\d{{1,4}}) +)?({'|'.join(_DAYS)})s?")
_RATE = re.compile(r"(\d{1,3}) +(?:an? +|per +)(.+)")


def period(text: str) -> tuple[int, str]:
    """Return the count and the unit of a period; raises ValueError.

    >>> period("1 month"), period("2 weeks"), period("week")
    ((1, 'month'), (2, 'week'), (1, 'week'))
    """
    found = _PERIOD.fullmatch(text.strip())
    if found is None or found[1] == "0":
        units = ", ".join(_DAYS)
        raise ValueError(f"got {text!r}, wanted a period such as '1 month' (of {units})")
    return int(found[1] or 1), found[2]


def rate(text: str) -> tuple[int, str]:
    """Return how often, and in which period; raises ValueError.

    >>> rate("1 a week"), rate("2 per 3 months")
    ((1, 'week'), (2, '3 months'))
    """
    found = _RATE.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise ValueError(f"got {text!r}, wanted how often in which period, such as '1 a week'")
    period(found[2])
    return int(found[1]), found[2]


def after(start: datetime, text: str) -> datetime:
    """Return the time a period after a start; the last of a shorter month.

    >>> after(datetime(2013, 1, 31), "1 month")
    datetime.datetime(2013, 2, 28, 0, 0)
    """
    count, unit = period(text)
    if unit not in ("month", "year"):
        return start + timedelta(days=count * _DAYS[unit])
    months = start.month - 1 + count * (12 if unit == "year" else 1)
    year, month = start.year + months // 12, months % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return start.replace(year=year, month=month, day=day)


def days(text: str) -> float:
    """Return about how many days a period has.

    >>> days("2 weeks")
    14.0
    """
    count, unit = period(text)
    return count * _DAYS[unit]


def _period(value: str) -> str:
    period(value)
    return value


def _rate(value: str) -> str:
    rate(value)
    return value


NAMES = ("new_rows", "drift", "loss", "every")
"""The conditions, in the order in which they are told."""


def _named(given: Any) -> Any:
    return {"drift": True} if given == "drift" else given


class Condition(Spec):
    """A reason to train again: one of these."""

    new_rows: Annotated[int, Field(ge=1)] | None = None
    """Rows with a label that the candidate was not made from: new ones, and those that a new
    delivery changed."""
    drift: bool = False
    """The newest monitoring report warns that the inputs have changed."""
    loss: Loss | None = None
    """The newest monitoring report says that the model's metric is worse than on test by more than
    both intervals: as labels show (`realized`), or as estimated before they are there."""
    every: Annotated[str, AfterValidator(_period)] | None = None
    """The candidate's newest data are older than this, such as `1 month`."""

    @property
    def asked(self) -> list[str]:
        """The names of what is asked for."""
        return [name for name in NAMES if getattr(self, name)]

    @model_validator(mode="after")
    def _one(self) -> Condition:
        if len(self.asked) != 1:
            got = " and ".join(self.asked) or "none"
            raise ValueError(f"got {got}, wanted one of {', '.join(NAMES)}")
        return self


Several = Annotated[
    tuple[
        Annotated[
            Condition,
            BeforeValidator(_named, json_schema_input_type=Condition | Literal["drift"]),
        ],
        ...,
    ],
    Field(min_length=2),
]


class When(Condition):
    """When to train again: one condition, `any` or `all` of several, or always if none is named."""

    any: Several | None = None
    """One of these is enough."""
    all: Several | None = None
    """All of these are needed."""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions; none if any change of the data is enough."""
        named = {name: getattr(self, name) for name in self.asked}
        return self.any or self.all or ((Condition(**named),) if named else ())

    @model_validator(mode="after")
    def _one(self) -> When:
        got = [*self.asked, *(name for name in ("any", "all") if getattr(self, name) is not None)]
        if len(got) > 1:
            said = f"got {' and '.join(got)}, wanted one; put conditions in a list below any or all"
            raise ValueError(said)
        names = [str(one.loss or name) for one in self.conditions for name in one.asked]
        twice = [name for place, name in enumerate(names) if name in names[:place]]
        if twice:
            raise ValueError(f"{twice[0]} is asked for twice, which contradicts itself; keep one")
        return self


def _when(given: Any) -> Any:
    if isinstance(given, str) and given not in ("always", "drift"):
        raise ValueError(f"got {given!r}, wanted always, drift, or a condition such as new_rows: N")
    if given == "always":
        return {}
    if given == {}:
        raise ValueError("got no condition; write `when: always`")
    return _named(given)


class Retrain(Spec):
    """When a change of the data trains the model again; edits of code and specs always do."""

    when: Annotated[
        When,
        BeforeValidator(_when, json_schema_input_type=When | Literal["always", "drift"]),
    ] = When()
    """`always`, one condition (`new_rows: N`, `drift`, `loss: estimated` or `realized`, `every:
    1 month`), or `any` or `all` of a list of them."""
    at_most: Annotated[str, AfterValidator(_rate)] | None = None
    """How often at most, such as `1 a week`, whatever the conditions say."""
    time: Literal["data", "clock"] = "data"
    """What `every` and `at_most` are measured by: the newest event time of the data, which is the
    same whenever it is looked at, or the clock."""

    @property
    def always(self) -> bool:
        """Whether nothing is ever deferred."""
        return not self.when.conditions and self.at_most is None

    @model_validator(mode="after")
    def _agree(self) -> Retrain:
        for condition in self.when.conditions:
            if condition.every is None or self.at_most is None:
                continue
            count, window = rate(self.at_most)
            if days(condition.every) < days(window) / count:
                raise ValueError(
                    f"`every: {condition.every}` and `at_most: {self.at_most}` contradict each "
                    "other; make `every` longer, or allow more with `at_most`"
                )
        return self


def retrain_mismatches(model: ModelSpec, dataset: DatasetSpec) -> Iterator[tuple[Place, str]]:
    """Yield what a model lacks for its policy."""
    policy = model.retrain
    asked = {name for condition in policy.when.conditions for name in condition.asked}
    for name in ("drift", "loss"):
        if name in asked and model.monitoring is None:
            said = f"{name} is what monitoring reports say; set `monitoring: {{}}`"
            yield ("retrain", "when"), said
    timed = "every" in asked or policy.at_most is not None
    if timed and policy.time == "data" and dataset.time is None:
        said = f"the data of {model.dataset} have no time; set its `time`, or `time: clock` here"
        yield ("retrain", "time"), said
