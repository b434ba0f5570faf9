"""A small project with three clinics in one table, and rows that must never be told of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml_assets_tests.cli.shell import Shell

SITES = ("alpha", "beta", "gamma")
RARE, KEY = "zebra-canary", "K-canary-77"
TARGET, NUMBER = 54321.0987, 98765.4321
"""Of one row each, at alpha; no other row comes near."""

FILES = {
    "pyproject.toml": """\
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "clinics"
registry_modules = ["ml_assets"]
""",
    "clinics/__init__.py": "",
    "clinics/defs/__init__.py": "",
    "clinics/defs/visits/defs.yaml": """\
type: ml_assets.TabularDataset

attributes:
  description: Visits to three clinics.
  landing: {pattern: 'visits\\.csv'}
  key: [visit]
  columns:
    visit: {type: text, nullable: false}
    clinic: {type: category, nullable: false}
    ward: {type: category}
    age: {type: number}
    urgent: {type: boolean}
    minutes: {type: number}
""",
    "clinics/defs/stay/defs.yaml": """\
type: ml_assets.TabularModel

attributes:
  description: How long a visit takes.
  dataset: visits
  task: regression
  target: minutes
  features:
    columns:
      clinic: {}
      ward: {}
      age: {}
      urgent: {}
  split: {kind: hash, test: 0.2, validation: 0.2}
  training:
    metric: mae
    families:
      median: {family: median}
      linear: {family: linear}
      federated: {family: federated}
  evaluation: {intervals: {block: row, resamples: 100}}
  federated:
    sites: [alpha, beta, gamma]
    column: clinic
    rounds: 2
    trees: 12
    num_leaves: 8
    learning_rate: 0.3
    wait: 60
  gate:
    min_rows: 30
    parity: {rows: 6}
    not_worse: {margin: 50%, resamples: 100, block: row}
    slices: null
""",
}


def rows(site: str, number: int, seed: int) -> list[str]:
    """Return lines of visits; longer for the old and the urgent, and by ward."""
    draw = np.random.default_rng(seed)
    age, urgent = draw.uniform(1, 90, number), draw.random(number) < 0.3
    ward = draw.integers(0, 4, number)
    minutes = 10 + age * 0.5 + 20 * urgent + 5 * ward + draw.normal(0, 3, number)
    return [
        f"{site}-{place},{site},ward{ward[place]},{age[place]:.3f},"
        f"{str(bool(urgent[place])).lower()},{minutes[place]:.3f}"
        for place in range(number)
    ]


def planted(lines: list[str]) -> list[str]:
    """Return lines with a rare ward, an extreme age, an extreme target and a key among them."""
    cells = [line.split(",") for line in lines]
    for place in range(3):
        cells[place][2] = RARE
    cells[3][3], cells[4][5], cells[5][0] = str(NUMBER), str(TARGET), KEY
    return [",".join(row) for row in cells]


def clinics(root: Path, lines: list[str], spec: dict[str, str] | None = None) -> Shell:
    """Write the project, land a table and make its folds; `spec` is replaced in the model's."""
    for name, text in FILES.items():
        for old, new in (spec or {}).items():
            if name.endswith("stay/defs.yaml"):
                assert old in text, old
                text = text.replace(old, new)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    file = root / "incoming" / "visits.csv"
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(["visit,clinic,ward,age,urgent,minutes", *lines]) + "\n")
    shell = Shell(root)
    shell("land", "visits", file)
    shell("run", "+stay/test_split")
    return shell


def all_sites(number: int = 1200) -> list[str]:
    """Return the lines of all three clinics, alpha's with what must not be told."""
    found = {site: rows(site, number, seed) for seed, site in enumerate(SITES)}
    return [*planted(found["alpha"]), *found["beta"], *found["gamma"]]
