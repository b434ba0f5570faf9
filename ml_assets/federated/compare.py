"""What a federated model is worth: beside each site's own and one of all rows, on the same rows.

Only where all sites' rows are at hand: for trying, and in the demo. Belongs here: fitting the other
models and measuring all. Does not belong here: the rounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.engine.plan import Planner
from ml_assets.engine.recipes.candidate import family_module, fit_spec
from ml_assets.errors import RequestError
from ml_assets.federated import quiet as quiet_rounds
from ml_assets.federated.site import ROWS
from ml_assets.federated.take import coefficients_state, model_document
from ml_assets.keys import load
from ml_assets.keys.code import Sources
from ml_assets.spec.families import BASELINES
from ml_assets.spec.model import ModelSpec
from ml_assets.stages import metrics
from ml_assets.stages.memory import InMemory
from ml_assets.stages.train import federated as together
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.fit import fit
from ml_assets.stages.train.predict import predict

PREFERRED = ("lightgbm", "hist_gradient_boosting", "catboost", "random_forest", "linear")
WORSE = 0.05
"""By how much it may be worse than a model of all rows."""
Tables = Mapping[str, Mapping[str, pa.Table]]
"""By site and fold."""


def compared(
    planner: Planner, model: str, rounds: Mapping[str, Any], folders: Mapping[str, Path]
) -> dict[str, Any]:
    """Return the metric on each site's test rows: of the rounds, of all rows, of each site alone.

    The others are of one family of the spec, learned from train and stopped on validation as the
    rounds were. Where a metric cannot be computed there is None. Raises RequestError if the spec
    has no such family, StageError if it cannot be fitted.
    """
    spec = planner.project.models[model]
    name = family_of(spec, rounds["plan"]["learner"])
    tables = {site: _tables(spec, folder) for site, folder in folders.items()}
    module = family_module(planner.workspace, model, spec.training.families[name])
    closure = Sources(planner.workspace.roots).closure([module])
    family = load.function(module, closure, planner.workspace)
    alone = {site: _fitted(spec, name, family, {site: tables[site]}) for site in tables}
    pooled = _fitted(spec, name, family, tables)
    quiet = _without_noise(spec, rounds, folders)
    found = {
        site: {
            "rows": folds["test"].num_rows,
            "federated": _measured(spec, rounds["model"], together, folds["test"]),
            **({"without_noise": _measured(spec, quiet, together, folds["test"])} if quiet else {}),
            "pooled": _measured(spec, pooled, family, folds["test"]),
            "alone": {
                other: _measured(spec, fitted, family, folds["test"])
                for other, fitted in alone.items()
            },
        }
        for site, folds in tables.items()
    }
    return {
        "metric": spec.training.metric,
        "family": name,
        "sites": found,
        "verdicts": verdicts(
            found, rounds["plan"], greater=metrics.greater_is_better(spec.training.metric)
        ),
    }


def _without_noise(
    spec: ModelSpec, rounds: Mapping[str, Any], folders: Mapping[str, Path]
) -> dict[str, Any] | None:
    """Return what the same rounds of the same sites give without noise; None if they had none."""
    plan = rounds["plan"]
    if plan["privacy"] is None:
        return None
    number = plan["rounds"]
    own = {site: folders[site] for site in plan["rows"]}
    found = quiet_rounds.coefficients(plan, own, number).tolist()
    return model_document(
        spec, plan, coefficients_state({"plan": plan, "coefficients": found}), number
    )


def family_of(spec: ModelSpec, learner: str) -> str:
    """Return the family of a spec to compare with; RequestError if it has none."""
    kinds = {name: family.family for name, family in spec.training.families.items()}
    for wanted in ("linear", *PREFERRED) if learner == "linear" else PREFERRED:
        for name, kind in kinds.items():
            if kind == wanted:
                return name
    others = [n for n, kind in kinds.items() if kind not in (*BASELINES, "federated", "blend")]
    if not others:
        said = f"add one of {', '.join(PREFERRED)} to training.families"
        raise RequestError(f"no family to compare a federated model with; {said}")
    return others[0]


def _tables(spec: ModelSpec, folder: Path) -> dict[str, pa.Table]:
    """Return the features and the target of a site's folds."""
    with np.load(folder / ROWS, allow_pickle=False) as rows:
        found = {}
        for fold in ("train", "validation", "test"):
            columns: dict[str, Any] = {}
            for name, column in sorted(spec.features.columns.items()):
                size = len(rows[f"{fold}/target"])
                if f"{fold}/{name}" not in rows:
                    # Nothing may be said of it, so no model here reads it.
                    kinds = {"category": pa.string(), "boolean": pa.bool_(), "integer": pa.int64()}
                    columns[name] = pa.nulls(size, kinds.get(column.kind, pa.float64()))
                    continue
                values = rows[f"{fold}/{name}"]
                if column.kind == "category":
                    names = pa.array(rows[f"{fold}/{name}/values"].tolist(), pa.string())
                    missing = pa.array(values, mask=values < 0)
                    columns[name] = names.take(missing)
                else:
                    number = pa.array(values, from_pandas=True)
                    kind = {"integer": pa.int64(), "boolean": pa.bool_()}.get(column.kind)
                    columns[name] = number if kind is None else number.cast(kind)
            columns["_target"] = pa.array(rows[f"{fold}/target"])
            found[fold] = pa.table(columns)
    return found


def _fitted(spec: ModelSpec, name: str, family: Any, tables: Tables) -> dict[str, Any]:
    """Return the model of one family, of the rows of some sites."""
    handles, references = {}, {}
    for fold in ("train", "validation"):
        whole = pa.concat_tables([folds[fold] for folds in tables.values()])
        handles[fold] = InMemory(whole)
        references[fold] = InMemory(
            pa.table({"batch": [fold], "start": [0], "stop": [whole.num_rows]})
        )
    result = fit(fit_spec(spec, name), family=family, features=handles, **references)
    model: dict[str, Any] = dict(result.outputs["model"])  # type: ignore[arg-type]
    return model


def _measured(
    spec: ModelSpec, model: Mapping[str, Any], family: Any, table: pa.Table
) -> float | None:
    """Return the metric over a table; None if it is not defined there, such as AUC of one class."""
    target: Array = np.asarray(table["_target"].to_numpy())
    prediction = predict(model, family, table)
    values, _ = metrics.measure(spec.task, target, prediction, (spec.training.metric,))
    value = values[spec.training.metric]
    return None if value is None or not math.isfinite(value) else float(value)


def verdicts(found: Mapping[str, Any], plan: Mapping[str, Any], *, greater: bool) -> list[str]:
    """Return a sentence for each aim that was missed at a site; one if all were reached.

    Before them, what the noise for privacy cost at each site.
    """
    sign = -1.0 if greater else 1.0
    missed = [line for site, values in found.items() for line in _missed(site, values, plan, sign)]
    reached = (
        "at every site better than the sites' own models on average, and at most "
        f"{WORSE:.0%} worse than a model of all rows"
    )
    costs = [line for site, values in found.items() for line in _noise(site, values, sign)]
    return [*costs, *(missed or [reached])]


def _missed(
    site: str, values: Mapping[str, Any], plan: Mapping[str, Any], sign: float
) -> Iterator[str]:
    """Yield the aims that were missed at a site, or why nothing can be said of it."""
    absent = _absent(values)
    if absent:
        yield (
            f"{site}: cannot be compared; the metric of {', '.join(absent)} cannot be computed "
            f"from its {values['rows']:,} test rows"
        )
        return
    own, pooled = values["federated"], values["pooled"]
    mean = float(np.mean(list(values["alone"].values())))
    if sign * (own - mean) >= 0:
        yield (
            f"{site}: {own:.4g}, no better than the sites' own models are there on average "
            f"({mean:.4g})"
        )
    worse = sign * (own - pooled)
    if pooled == 0 and worse > 0:
        yield (
            f"{site}: worse than a model of all rows; by what share cannot be computed, as that "
            f"has 0. {_why(plan)}"
        )
    elif pooled != 0 and worse / abs(pooled) > WORSE:
        yield (
            f"{site}: {worse / abs(pooled):.1%} worse than a model of all rows ({pooled:.4g}); "
            f"the aim was at most {WORSE:.0%}. {_why(plan)}"
        )


def _noise(site: str, values: Mapping[str, Any], sign: float) -> Iterator[str]:
    """Yield what the noise for privacy cost at a site, if there was any."""
    quiet = values.get("without_noise")
    if quiet is not None and values["federated"] is not None:
        cost = sign * (values["federated"] - quiet)
        share = f" ({cost / abs(quiet):.1%})" if quiet else ""
        yield f"{site}: the noise for privacy cost {cost:.4g}{share}; {quiet:.4g} without it"


def _absent(values: Mapping[str, Any]) -> list[str]:
    """Return the models of which a site has no metric."""
    names = {"federated": "the federated model", "pooled": "the model of all rows"}
    absent = [said for name, said in names.items() if values[name] is None]
    return absent + [f"{n}'s own model" for n, value in values["alone"].items() if value is None]


def _why(plan: Mapping[str, Any]) -> str:
    """Return what a federated model loses, by how it was learned."""
    if plan["learner"] == "trees":
        return (
            "Cuts at agreed numbers, a mean of the sites' trees and the number of rounds cost "
            "this; more rounds or leaves may help"
        )
    noise = " and the noise for privacy" if plan["privacy"] is not None else ""
    return f"The number of rounds{noise} cost this; more rounds may help"
