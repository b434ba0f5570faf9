"""A site's folder for rounds: rows as numbers, which stay there, and what may leave.

    site.json        which site of which model, and what it insists on
    statement.json   what the coordinator is told before the first round; read it first
    rows.npz         the rows of the three folds; removed once the rounds are over
    payloads.jsonl   what left, and payloads/ with the bytes

Belongs here: from a home's folds to these files. Does not belong here: the rounds.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.assets.cells import Unit
from ml_assets.engine.code_versions import code_versions
from ml_assets.engine.plan import Planner
from ml_assets.engine.recipes.dataset import clean_spec
from ml_assets.engine.recipes.features import seen_of
from ml_assets.engine.recipes.splits import FOLDS, feature_inputs, folds_of
from ml_assets.engine.run import Recent, Stored
from ml_assets.engine.sensitive import sensitive_inputs
from ml_assets.errors import NotMaterialized, RequestError, UnknownName
from ml_assets.federated.app.ml_assets_rounds.log import FORMAT, left
from ml_assets.federated.statement import stated
from ml_assets.keys import fields
from ml_assets.keys.action import pending_in
from ml_assets.spec.federated import Federated
from ml_assets.spec.model import ModelSpec
from ml_assets.stages.counted import counted
from ml_assets.stages.train import folds
from ml_assets.stages.train.encode import Array
from ml_assets.store.digest import json_digest
from ml_assets.store.objects import Ref

ROWS, SITE, STATEMENT = "rows.npz", "site.json", "statement.json"
PAIR = re.compile(r"\[\s+(-?[\d.e+-]+),\s+(-?[\d.e+-]+)\s+\]")
"""A number and its share of rows, which are read on one line."""
FEWEST = 50
"""A site takes part with at least this many times `least_rows` rows to learn from."""


@dataclass(frozen=True)
class Rows:
    """The rows of one fold."""

    features: pa.Table
    target: Array


def federation(planner: Planner, model: str) -> Federated:
    """Return how a model is learned by sites; UnknownName or RequestError if it is not."""
    if model not in planner.project.models:
        raise UnknownName.of("model", model, planner.project.models)
    federated = planner.project.models[model].federated
    if federated is None:
        said = "is trained in one home; add `federated: {sites: [a, b]}` to its spec"
        raise RequestError(f"{model} {said}")
    return federated


def folder_of(planner: Planner, model: str, site: str) -> Path:
    """Return the folder of a site's rounds in the home."""
    return planner.home.root / "federated" / model / site


@contextmanager
def rows_removed(folder: Path) -> Iterator[None]:
    """Leave no rows in a site's folder, however what is done with them ends."""
    try:
        yield
    finally:
        (folder / ROWS).unlink(missing_ok=True)


def prepare(planner: Planner, model: str, site: str) -> dict[str, Any]:
    """Write a site's folder anew, and return its statement.

    Raises UnknownName for a site that the spec does not name, NotMaterialized if the folds are not
    up to date, RequestError if the site's rows cannot take part.
    """
    federated = federation(planner, model)
    if site not in federated.sites:
        raise UnknownName.of("site", site, federated.sites)
    spec = planner.project.models[model]
    rows = _rows(planner, model, spec, site)
    _usable(site, spec, federated, rows)
    hidden = sensitive_inputs(planner.project, model, seen_of(planner.session(), model))
    train = rows["train"]
    statement = {
        "format": FORMAT,
        "model": model,
        "site": site,
        "task": spec.task,
        "metric": spec.training.metric,
        "contract": contract(planner, model),
        "least_rows": federated.least_rows,
        "rows": {fold: len(rows[fold].target) for fold in FOLDS},
        **stated(
            train.features,
            train.target,
            spec.features.columns,
            task=spec.task,
            least=federated.least_rows,
            hidden=set(hidden) & set(spec.features.columns),
        ),
    }
    folder = folder_of(planner, model, site)
    said = [
        name for name, entry in statement["columns"].items() if set(entry) & {"values", "blocks"}
    ]
    _write(folder, rows, spec, statement, federated, said)
    return statement


def contract(planner: Planner, model: str) -> dict[str, str]:
    """Return digests of what all sites must have in common, by what each is of."""
    project, spec = planner.project, planner.project.models[model]
    names = [spec.dataset, *(join.dataset for join in spec.joins)]
    versions = code_versions(project, planner.workspace, model)
    federated = federation(planner, model)
    return {
        **{
            f"the contract of {n}": json_digest(fields.document(clean_spec(project, n)))
            for n in names
        },
        "the features and their code": versions["features"],
        "`federated` of the spec": json_digest(fields.document(federated)),
    }


def _rows(planner: Planner, model: str, spec: ModelSpec, site: str) -> dict[str, Rows]:
    """Return the rows of a model's folds, or those of one site among them."""
    session, unit = planner.session(), Unit(model, "candidate")
    made, waits = folds_of(session, unit)
    if waits is not None:
        raise NotMaterialized(f"{model} waits: {waits}")
    inputs = feature_inputs(session, unit, list(made.values()))
    outputs = {fold: made[fold].outputs[fold] for fold in FOLDS}
    if list(pending_in(inputs)) or any(list(pending_in(value)) for value in outputs.values()):
        said = f'run ml-assets run "+{model}/test_split"'
        raise NotMaterialized(f"the folds of {model} are not up to date; {said}")
    if any(made[fold].facts.get("dummy") for fold in FOLDS):
        raise RequestError(f"the folds of {model} hold dummy rows; withdraw those batches first")
    home, recent = planner.home, Recent()
    assert isinstance(inputs, Mapping), "features are by batch"
    handles = {
        batch: Stored(home, ref, recent, f"features {batch}")
        for batch, ref in inputs.items()
        if isinstance(ref, Ref)
    }
    names = [*sorted(spec.features.columns), "_target"]
    found = {}
    for fold, ref in outputs.items():
        assert isinstance(ref, Ref), "the fold is known"
        parts = folds.read(home.objects.table(ref.digest), handles, names)
        table = pa.concat_tables([part for _, part in parts], promote_options="default")
        column = None if spec.federated is None else spec.federated.column
        if column is not None:
            values = table[column].cast(pa.string())
            table = table.filter(pc.fill_null(pc.equal(values, site), False))
        found[fold] = Rows(table.drop_columns(["_target"]), folds.labels(table, ()))
    return found


def _usable(site: str, spec: ModelSpec, federated: Federated, rows: Mapping[str, Rows]) -> None:
    """Raise RequestError with all reasons why a site's rows cannot take part."""
    train, wrong = rows["train"].target, []
    wanted = FEWEST * federated.least_rows
    if len(train) < wanted:
        got = counted(len(train), "row")
        said = f"wanted {wanted:,} ({FEWEST} times least_rows) to learn from"
        wrong.append(f"{got} in train, {said}: with fewer, a row would show")
    for fold in ("validation", "test"):
        if len(rows[fold].target) < federated.least_rows:
            got = counted(len(rows[fold].target), "row")
            wrong.append(f"{got} in {fold}, wanted {federated.least_rows}")
    if spec.task == "binary" and len(train):
        counts = [int((train == one).sum()) for one in (0.0, 1.0)]
        few = [
            name
            for name, count in zip(("false", "true"), counts, strict=True)
            if count < federated.least_rows
        ]
        if few:
            said = f"wanted {federated.least_rows} of each class"
            wrong.append(f"{', '.join(few)} in fewer rows of train than may be spoken of, {said}")
    if wrong:
        head = f"{site} cannot take part"
        raise RequestError("\n".join([head, *(f"  {line}" for line in wrong)]))


def _write(
    folder: Path,
    rows: Mapping[str, Rows],
    spec: ModelSpec,
    statement: Mapping[str, Any],
    federated: Federated,
    said: Sequence[str],
) -> None:
    """Write the files; rows hold only columns of which something is said."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(folder, 0o700)
    arrays: dict[str, Any] = {}
    for fold, found in rows.items():
        arrays[f"{fold}/target"] = found.target
        for name in said:
            values = found.features[name]
            if spec.features.columns[name].kind == "category":
                coded = values.cast(pa.string()).combine_chunks().dictionary_encode()
                arrays[f"{fold}/{name}"] = coded.indices.fill_null(-1).to_numpy()
                arrays[f"{fold}/{name}/values"] = np.array(coded.dictionary.to_pylist(), dtype=str)
            else:
                number = values.cast(pa.float64(), safe=False).fill_null(np.nan)
                arrays[f"{fold}/{name}"] = np.asarray(number.to_numpy())
    np.savez(folder / ROWS, **arrays)
    insists = {
        "site": statement["site"],
        "model": statement["model"],
        "least_rows": federated.least_rows,
        "rounds": federated.rounds,
        "trees": federated.trees,
        "learner": federated.learner,
        "secure_aggregation": federated.secure_aggregation,
        "sites": len(federated.sites),
        "columns": list(said),
        # What left before is of other rounds.
        "logged": len(left(folder)),
        "privacy": None if federated.privacy is None else federated.privacy.model_dump(mode="json"),
        "seed": spec.training.seed,
    }
    for name, document in ((SITE, insists), (STATEMENT, statement)):
        text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        (folder / name).write_text(PAIR.sub(r"[\1, \2]", text), encoding="utf-8")
