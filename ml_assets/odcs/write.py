"""Writing a dataset's contract, and a dataset's spec from a contract, into files.

Belongs here: files and names. Does not belong here: their content.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_assets.odcs.dataset import Imported, imported
from ml_assets.odcs.document import read_contract
from ml_assets.odcs.export import contract_of, text_of
from ml_assets.scaffold.keep import write_or_patch
from ml_assets.scaffold.write import place_of_dataset
from ml_assets.spec.project import read_for
from ml_assets.workspace import Workspace


@dataclass(frozen=True)
class Exported:
    """A dataset's contract, and what became of its file."""

    contract: dict[str, Any]
    text: str
    patch: str | None
    """What would differ, if the file already exists."""


@dataclass(frozen=True)
class FromContract:
    """A dataset's spec, written or as a patch to the one that is there."""

    path: Path
    patch: str | None
    found: Imported


def export_dataset(workspace: Workspace, dataset: str, to: Path | None) -> Exported:
    """Write a dataset's contract, if a file is given; UnknownName if there is no such dataset."""
    contract = contract_of(dataset, read_for(workspace.defs, dataset).datasets[dataset])
    text = text_of(contract)
    return Exported(contract, text, None if to is None else write_or_patch(to, text))


def dataset_from(
    workspace: Workspace, name: str, contract: Path, schema: str | None
) -> FromContract:
    """Write a dataset's spec from a contract; RequestError says what will not do."""
    path = place_of_dataset(workspace, name)
    dataset = imported(read_contract(contract), schema)
    return FromContract(path, write_or_patch(path, dataset.text), dataset)
