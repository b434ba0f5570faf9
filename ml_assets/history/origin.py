"""Traces a candidate's version back to its training data and its landed files.

It reads records only. If content was produced several times, the actions that first produced the
version are used, so a version has the same origin for as long as it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_assets.errors import NotMaterialized
from ml_assets.history.ancestry import Ancestry, Closure, ancestry_of
from ml_assets.history.recorded import Step
from ml_assets.spec.calendar import natural
from ml_assets.store.digest import json_digest
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord, Version


@dataclass(frozen=True)
class Origin:
    """The inputs and actions of a candidate."""

    version: Version
    fitted: ActionRecord
    """The action that fitted the chosen family; its hook `family` is needed to predict."""
    evaluated: ActionRecord
    """The action that evaluated it."""
    report: Mapping[str, Ref]
    """The outputs of its evaluation report."""
    folds: Mapping[str, str]
    """Digest of the row references by fold."""
    features: Mapping[str, str]
    """Digest of the features by batch, in calendar order."""
    accounts: Mapping[str, Mapping[str, Ref]]
    """Row accounting of each cleaned batch, by dataset and batch."""
    actions: list[Step]
    """All actions of the candidate and its evaluation, in data-flow order."""
    landed: list[dict[str, str]]
    """The landed files: dataset, batch, digest, file."""

    def document(self) -> dict[str, Any]:
        """Return the lineage as plain JSON; equal code closures are listed once."""
        codes: dict[str, Mapping[str, str]] = {}
        steps = []
        for step in self.actions:
            given = step.record.ingredients
            mark = json_digest(given["code"])
            codes[mark] = given["code"]
            steps.append(
                {
                    "makes": _makes(step),
                    "key": step.key,
                    "stage": given["stage"],
                    "hooks": given["hooks"],
                    "inputs": given["inputs"],
                    "outputs": {part: ref.digest for part, ref in step.outputs.items()},
                    "code": mark,
                    "environment": given["environment"],
                }
            )
        return {
            "candidate": self.version.digest,
            "environment": self.fitted.ingredients["environment"],
            "machine": self.fitted.machine,
            "landed": self.landed,
            "actions": steps,
            "code": dict(sorted(codes.items())),
        }


def _makes(step: Step) -> str:
    """Return the asset that an action produces, with its part if several produce one asset."""
    cell = step.cell()
    return str(cell) if cell.name in ("raw", "cleaned", "features") else f"{cell}#{step.part}"


def fitted_of(home: Home, version: Version) -> ActionRecord:
    """Return the action that fitted a candidate's chosen family.

    Raises NotMaterialized if its record is gone, DamagedObject if the leaderboard is.
    """
    chosen = home.objects.json(version.outputs["leaderboard"].digest)["chosen"]
    action = home.records.action(version.actions.get(f"fit:{chosen}", ""))
    if action is None:
        raise NotMaterialized(
            f"the store has lost action fit:{chosen} of {version.digest}; materialize with --force"
        )
    return action


def origin(home: Home, model: str, version: Version) -> Origin:
    """Return the origin of a candidate; raises NotMaterialized if a record is gone."""
    ancestry = ancestry_of(home)
    report, evaluated = _evaluated(home, ancestry, model, version)
    fitted = fitted_of(home, version)
    keys = [key for key in version.actions.values() if key in ancestry.steps]
    closure = ancestry.closure([*keys, evaluated.key], prefer=home.records.first_actions())
    if closure.unknown:
        raise NotMaterialized(_lost(home, closure))
    given, tested = fitted.ingredients["inputs"], evaluated.ingredients["inputs"]
    folds = {"train": given["train"], "validation": given["validation"], "test": tested["test"]}
    features = dict(sorted({**dict(given["features"]), **dict(tested["features"])}.items()))
    return Origin(
        version=version,
        fitted=fitted,
        evaluated=evaluated,
        report=report.outputs,
        folds=folds,
        features=features,
        accounts=_accounts(ancestry, closure, set(features.values())),
        actions=[step for step in closure.steps if step.key != evaluated.key],
        landed=_landed(home, closure),
    )


def _evaluated(
    home: Home, ancestry: Ancestry, model: str, version: Version
) -> tuple[Version, ActionRecord]:
    """Return the first report of this candidate, and the action that evaluated it."""
    wanted = {name: version.outputs[name].digest for name in ("model", "leaderboard")}
    for item in home.records.versions(f"{model}/evaluation_report"):
        step = ancestry.steps.get(item.actions["evaluate"])
        # Records are large, so only possible matches are read.
        if step is not None and set(wanted.values()) <= set(step.inputs):
            record = step.record
            if wanted.items() <= record.ingredients["inputs"].items() and _covers(
                ancestry, item, version
            ):
                return item, record
    name = f"{model} v{version.number}"
    closure = ancestry.closure(version.actions.values())
    if closure.unknown:
        raise NotMaterialized(f"inputs of {name} are missing: {_lost(home, closure)}")
    raise NotMaterialized(
        f"there is no evaluation report of {name}; materialize {model}/evaluation_report"
    )


def _covers(ancestry: Ancestry, report: Version, version: Version) -> bool:
    """Return whether a report measured the prediction intervals of a candidate that has some."""
    if "limits" not in version.outputs:
        return True
    step = ancestry.steps.get(report.actions.get("coverage", ""))
    return step is not None and version.outputs["limits"].digest in step.inputs


def _lost(home: Home, closure: Closure) -> str:
    digest, name = next(iter(closure.unknown.items()))
    why = home.removals.why(digest)
    what = f"was {why}" if why else "was produced by no action"
    return f"{digest}, an input of {name}, {what}"


def _accounts(
    ancestry: Ancestry, closure: Closure, features: set[str]
) -> dict[str, dict[str, Ref]]:
    accounts: dict[str, dict[str, Ref]] = {}
    for step in closure.steps:
        if features.isdisjoint(ref.digest for ref in step.outputs.values()):
            continue
        for _, maker in closure.makers[step.key]:
            made = None if maker is None else ancestry.steps[maker]
            if made is not None and made.part == "clean":
                dataset = made.cell().group
                accounts.setdefault(dataset, {})[made.partition] = made.outputs["summary"]
    return accounts


def _landed(home: Home, closure: Closure) -> list[dict[str, str]]:
    files = home.batches.everywhere()
    places = {
        (step.cell().group, step.partition, digest)
        for step in closure.steps
        for digest in step.inputs
        if digest in closure.landed
    }
    return [
        {
            "dataset": dataset,
            "batch": batch,
            "digest": digest,
            "file": next(
                (i.name for i in files.get((dataset, batch), [])[::-1] if i.digest == digest),
                # What a model has besides its dataset's files are federated rounds.
                "" if (dataset, batch) in files else "rounds",
            ),
        }
        for dataset, batch, digest in sorted(
            places, key=lambda place: (place[0], natural(place[1]), place[2])
        )
    ]
