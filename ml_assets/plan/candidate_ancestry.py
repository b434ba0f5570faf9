"""From a candidate's version back to the files that landed: the actions it was made by.

Reads records only. The store keeps for each version the actions that made it first, so the same
version has the same ancestry for as long as it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_assets.errors import NotMaterialized, UnknownName
from ml_assets.store.batches import Landed
from ml_assets.store.digest import json_digest
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord, Version


@dataclass(frozen=True)
class Ancestry:
    """What a candidate was made from."""

    version: Version
    evaluated: ActionRecord
    """The action that evaluated it."""
    report: Mapping[str, Ref]
    """The outputs of its evaluation report."""
    family: str
    """The module that predicts with the model."""
    folds: Mapping[str, str]
    """Digest of the row references by fold."""
    features: Mapping[str, str]
    """Digest of the features by batch, in calendar order."""
    actions: Mapping[str, ActionRecord]
    """By the asset or part that each made, in data-flow order."""
    accounts: Mapping[str, Mapping[str, Ref]]
    """Row accounting of each cleaned batch, by dataset and batch."""
    landed: list[dict[str, str]]
    """The landed files: dataset, batch, digest, file."""

    def document(self) -> dict[str, Any]:
        """Return the lineage as plain JSON; closures of code that are alike are said once."""
        codes: dict[str, Mapping[str, str]] = {}
        steps = []
        for name, action in self.actions.items():
            code = action.ingredients["code"]
            mark = json_digest(code)
            codes[mark] = code
            steps.append(
                {
                    "makes": name,
                    "key": action.key,
                    "stage": action.ingredients["stage"],
                    "hooks": action.ingredients["hooks"],
                    "inputs": action.ingredients["inputs"],
                    "outputs": {part: ref.digest for part, ref in action.outputs.items()},
                    "code": mark,
                    "environment": action.ingredients["environment"],
                }
            )
        fitted = [a for name, a in self.actions.items() if "fit:" in name][-1]
        return {
            "candidate": self.version.digest,
            "environment": fitted.ingredients["environment"],
            "machine": fitted.machine,
            "landed": self.landed,
            "actions": steps,
            "code": dict(sorted(codes.items())),
        }


def candidate_version(home: Home, model: str, version: str) -> Version:
    """Return a candidate by `v3`, `3` or its digest; raises UnknownName."""
    found = home.records.versions(f"{model}/candidate")
    for item in found:
        if version in (f"v{item.number}", str(item.number), item.digest):
            return item
    names = [f"v{item.number}" for item in found]
    raise UnknownName.of(f"version of {model}/candidate", version, names)


def ancestry(home: Home, model: str, version: Version) -> Ancestry:
    """Return what a candidate was made from; raises NotMaterialized where a record is gone."""
    return _Walk(home, model).all(version)


@dataclass
class _Walk:
    home: Home
    model: str
    actions: dict[str, ActionRecord] = field(default_factory=dict)
    accounts: dict[str, dict[str, Ref]] = field(default_factory=dict)
    landed: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)
    known: dict[str, dict[str, tuple[str, Version]]] = field(default_factory=dict)
    files: Mapping[tuple[str, str], list[Landed]] = field(init=False)

    def __post_init__(self) -> None:
        self.files = self.home.batches.landed()

    def all(self, version: Version) -> Ancestry:
        board = self.home.objects.json(version.outputs["leaderboard"].digest)
        chosen = board["chosen"]
        fitted = self._action(version, f"fit:{chosen}")
        report, evaluated = self._evaluated(version)
        given, tested = fitted.ingredients["inputs"], evaluated.ingredients["inputs"]
        folds = {"train": given["train"], "validation": given["validation"], "test": tested["test"]}
        features = dict(sorted({**dict(given["features"]), **dict(tested["features"])}.items()))
        for batch, digest in features.items():
            self._features(batch, digest)
        for item in self.home.records.versions(f"{self.model}/train_split"):
            if item.outputs["train"].digest == folds["train"]:
                self._keep(f"{self.model}/train_split#split", item, "split")
                break
        for part in (f"fit:{chosen}", "choose", f"refit:{chosen}"):
            if part in version.actions:
                self._keep(f"{self.model}/candidate#{part}", version, part)
        return Ancestry(
            version=version,
            evaluated=evaluated,
            report=report.outputs,
            family=str(fitted.ingredients["hooks"]["family"]),
            folds=folds,
            features=features,
            actions=self.actions,
            accounts=self.accounts,
            landed=[self.landed[key] for key in sorted(self.landed)],
        )

    def _evaluated(self, version: Version) -> tuple[Version, ActionRecord]:
        """Return the first report of this candidate, and the action that evaluated it."""
        for item in self.home.records.versions(f"{self.model}/evaluation_report"):
            found = self._action(item, "evaluate")
            given = found.ingredients["inputs"]
            wanted = {name: version.outputs[name].digest for name in ("model", "leaderboard")}
            if all(given[name] == digest for name, digest in wanted.items()):
                return item, found
        raise NotMaterialized(
            f"there is no evaluation report of {self.model} v{version.number}; "
            f"materialize {self.model}/evaluation_report"
        )

    def _features(self, batch: str, digest: str) -> None:
        found = self._made(f"{self.model}/features", digest)[1]
        action = self._action(found, "features")
        given, dataset = action.ingredients["inputs"], action.ingredients["params"]["dataset"]
        self._cleaned(dataset, given["main"])
        for name, joined in given["joins"]:
            self._cleaned(name, joined)
        for name, several in given["previous"]:
            for joined in several:
                self._cleaned(name, joined)
        self.actions[f"{self.model}/features@{batch}".rstrip("@")] = action

    def _cleaned(self, dataset: str, digest: str) -> None:
        batch, found = self._made(f"{dataset}/cleaned", digest)
        place = f"{dataset}/cleaned@{batch}".rstrip("@")
        if place in self.actions:
            return
        if "clean" not in found.actions:
            self._keep(place, found, "withdraw")
            return
        cleaned = self._action(found, "clean")
        self._raw(dataset, cleaned.ingredients["inputs"]["raw"])
        self.actions[place] = cleaned
        self.accounts.setdefault(dataset, {})[batch] = cleaned.outputs["summary"]

    def _raw(self, dataset: str, digest: str) -> None:
        batch, found = self._made(f"{dataset}/raw", digest)
        action = self._keep(f"{dataset}/raw@{batch}".rstrip("@"), found, "ingest")
        landed = action.ingredients["inputs"]["landed"]
        files = self.files.get((dataset, batch), [])
        file = next((item.name for item in files[::-1] if item.digest == landed), "")
        self.landed[dataset, batch, landed] = {
            "dataset": dataset,
            "batch": batch,
            "digest": landed,
            "file": file,
        }

    def _made(self, asset: str, digest: str) -> tuple[str, Version]:
        """Return the partition and version of an asset with this content."""
        if asset not in self.known:
            self.known[asset] = dict(self._versions(asset))
        if digest not in self.known[asset]:
            raise NotMaterialized(f"the store has no version of {asset} with content {digest}")
        return self.known[asset][digest]

    def _versions(self, asset: str) -> Iterator[tuple[str, tuple[str, Version]]]:
        for partition in self.home.records.partitions(asset):
            for item in self.home.records.versions(asset, partition):
                yield item.digest, (partition, item)

    def _keep(self, name: str, version: Version, part: str) -> ActionRecord:
        self.actions[name] = self._action(version, part)
        return self.actions[name]

    def _action(self, version: Version, part: str) -> ActionRecord:
        found = self.home.records.action(version.actions.get(part, ""))
        if found is None:
            raise NotMaterialized(
                f"the store has lost action {part} of {version.digest}; materialize with --force"
            )
        return found
