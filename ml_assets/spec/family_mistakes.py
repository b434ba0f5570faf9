"""What is wrong with families that a model trains, beyond their own fields.

Belongs here: what depends on the task, the metric or the other families.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ml_assets.errors import suggest
from ml_assets.spec.families import (
    BASELINES,
    Blend,
    CatBoost,
    FamilySpec,
    HistGradientBoosting,
    LightGBM,
)
from ml_assets.spec.metrics import plain
from ml_assets.spec.mistakes import Place


def wrong_goal(task: str, metric: str, settings: object) -> Iterator[tuple[str, str]]:
    """Yield the fields of what a family minimizes that do not fit each other, and why."""
    if not isinstance(settings, LightGBM | CatBoost | HistGradientBoosting):
        return
    if task != "regression" and not isinstance(settings, LightGBM) and settings.objective:
        yield "objective", "is only for regression"
    by_metric = settings.objective is None and plain(metric) == "pinball"
    if settings.alpha is not None and settings.objective != "quantile" and not by_metric:
        yield "alpha", "is the quantile of `objective: quantile`"


def wrong_members(
    place: Place, blend: Blend, families: Mapping[str, FamilySpec]
) -> Iterator[tuple[Place, str]]:
    """Yield the members of a blend that it cannot have."""
    usable = [
        name
        for name, family in families.items()
        if family.family not in (*BASELINES, "blend", "custom", "federated", "sklearn")
    ]
    for number, name in enumerate(blend.of):
        if name not in families:
            yield (*place, number), f"no family {name!r}{suggest(name, usable)}"
        elif name not in usable:
            kind = families[name].family
            said = f"{name!r} is a {kind}; wanted families that learn, of ml_assets' own"
            yield (*place, number), f"{said}: {', '.join(usable) or 'there is none yet'}"
