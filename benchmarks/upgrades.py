"""What an upgrade of ml_assets, of a library or of Python makes a person's home run again.

    python -m benchmarks.upgrades [--home FOLDER] [--only NAME,…]

Each upgrade is made in a copy of the package; the copy's `ml-assets run` is timed on a copy of a
home in which this checkout's demo has run (without `--home` it runs first). A new pandas is its
metadata with another version before the real one on the path: the code that runs is the same, so
every result is too. A new Python is what `environment()` reports, for the same reason.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

from benchmarks.processes import CLI, shipped
from ml_assets.store.home import Home
from ml_assets_tests.processes import copy
from ml_assets_tests.upgraded import Upgraded

PROJECT = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "ml_assets"\n'
CLEAN = "stages/clean.py"


def nothing(later: Upgraded) -> None:
    """Leave all as it is."""


def field(later: Upgraded) -> None:
    """Add a field with a default to a column, a model and a family."""
    later.edit(
        "spec/columns.py",
        "    unit: str | None = None\n",
        "    unit: str | None = None\n    scale: float = 1.0\n",
    )
    later.edit(
        "spec/model.py",
        '    weight: str | None = None\n    """A',
        '    tone: str = \'plain\'\n    weight: str | None = None\n    """A',
    )
    later.edit("spec/families.py", "    max_bin:", "    rounds: int = 1\n    max_bin:")


def moves(later: Upgraded) -> None:
    """Move stages, a family, the errors and what MLflow's models are loaded by."""
    later.move(
        adapters__pyfunc="adapters.served.pyfunc",
        faults="mistakes.faults",
        stages__clean="stages.cleaned.clean",
        stages__metrics="stages.judging.metrics",
        stages__train__fit="stages.train.fits.fit",
        stages__train__linear="fitters.linear",
    )


def moved_and_edited(later: Upgraded) -> None:
    """Move a family and edit it."""
    later.move(stages__train__linear="fitters.linear")
    later.edit("fitters/linear.py", "\n\ndef fit(", "\n\nEDITED = True\n\n\ndef fit(")


def comment(later: Upgraded) -> None:
    """Edit a comment and a docstring of cleaning."""
    later.edit(CLEAN, "\n\ndef clean(", "\n\n# A comment.\ndef clean(")


def attribute(later: Upgraded) -> None:
    """Let errors carry what was got and what there is."""
    said = 'its message is written for people."""\n'
    later.edit(
        "faults.py", said, f"{said}\n    got: object = None\n    available: tuple[str, ...] = ()\n"
    )


def message(later: Upgraded) -> None:
    """Edit the reason that is given for a missing value: it stands in quarantine."""
    later.edit("stages/contract.py", '"a value"', '"some value"')


def error(later: Upgraded) -> None:
    """Edit the message of an error in reading what the features function returned."""
    later.edit("stages/hook.py", "wanted a DataFrame", "wanted a pandas DataFrame")


def family(later: Upgraded) -> None:
    """Edit a family without another result."""
    later.edit("stages/train/lightgbm.py", "\n\ndef fit(", "\n\nEDITED = True\n\n\ndef fit(")


def pandas(later: Upgraded) -> None:
    """Put pandas' metadata with another version before the real ones."""
    found = distribution("pandas")
    folder = later.root / f"pandas-{found.version}.post1.dist-info"
    folder.mkdir()
    text = found.read_text("METADATA") or ""
    said = f"\nVersion: {found.version}\n"
    assert text.count(said) == 1
    folder.joinpath("METADATA").write_text(
        text.replace(said, f"\nVersion: {found.version}.post1\n")
    )


def python(later: Upgraded) -> None:
    """Report Python's next minor version."""
    now = "{sys.version_info.major}.{sys.version_info.minor}"
    later.edit("keys/libraries.py", f'f"{now}", **found', 'f"3.next", **found')


UPGRADES: Mapping[str, tuple[str, Callable[[Upgraded], None]]] = {
    "nothing": ("nothing", nothing),
    "field": ("a new field of columns, models and a family", field),
    "moves": ("six modules moved", moves),
    "comment": ("a comment edited in cleaning", comment),
    "attribute": ("an error gains attributes", attribute),
    "moved_and_edited": ("a family moved and edited", moved_and_edited),
    "family": ("LightGBM's module edited, same result", family),
    "error": ("the message of an error of features edited", error),
    "message": ("the reason for a missing value edited", message),
    "pandas": ("another version of pandas, same results", pandas),
    "python": ("another minor version of Python, same results", python),
}


class Paid(NamedTuple):
    """What an upgrade cost."""

    executed: int
    cells: int
    seconds: float
    """Of the CPU, in all processes."""
    versions: int
    """Cells that hold other content than before."""


def paid(made: Path, upgrade: Callable[[Upgraded], None]) -> Paid:
    """Run an upgraded copy of the package on a copy of a home."""
    with tempfile.TemporaryDirectory(prefix="ml-assets-upgrade-") as folder:
        root, home = Path(folder) / "later", Path(folder) / "home"
        copy(made, home)
        later = Upgraded.of(root, root)
        (root / "pyproject.toml").write_text(PROJECT)
        upgrade(later)
        before = held(home)
        started = _cpu()
        said = json.loads(later.python("-m", "ml_assets", "run", "--json", home=home))
        seconds = _cpu() - started
        after = held(home)
        assert said["success"], said["faults"]
    other = sum(after[cell] != digest for cell, digest in before.items())
    return Paid(len(said["executed"]), len(before), seconds, other)


def _cpu() -> float:
    """Return the CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def held(home: Path) -> dict[tuple[str, str], str]:
    """Return the content that each cell of a home holds."""
    opened = Home(home, "dev")
    try:
        return {cell: item.digest for cell, item in opened.records.all_current("dev").items()}
    finally:
        opened.close()


def main() -> None:
    """Print a line for each upgrade, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--home", type=Path, help="where `ml-assets demo` has run")
    parser.add_argument(
        "--only", default=",".join(UPGRADES), help="some of: " + ", ".join(UPGRADES)
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ml-assets-upgrades-") as folder:
        home = given.home or Path(folder) / "home"
        if given.home is None:
            shipped((*CLI, "demo", "--no-ui"), home)
        sys.stdout.write("| upgrade | cells run | of | CPU seconds | other content |\n")
        sys.stdout.write("| --- | ---: | ---: | ---: | ---: |\n")
        for name in given.only.split(","):
            title, upgrade = UPGRADES[name]
            cost = paid(home, upgrade)
            figures = (cost.executed, cost.cells, f"{cost.seconds:.1f}", cost.versions)
            sys.stdout.write(f"| {title} | {' | '.join(map(str, figures))} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
