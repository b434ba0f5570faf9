"""Code that no key knows is named by the plan where it can be, and refused where a hook ran it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets.keys.libraries import is_installed
from ml_assets.keys.purity import impurities
from ml_assets.keys.suspects import CODE
from ml_assets_tests.projects import FEATURES, Toy

FIRST = '"""Features of a sale."""\n'
CALL = "def build(sales, prices, prices_previous):\n"


@pytest.fixture
def helper(tmp_path: Path) -> Iterator[Path]:
    """Give a folder outside of the project with a module that doubles."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "doubling.py").write_text("def double(x):\n    return 2 * x\n")
    paths = list(sys.path)
    yield folder
    sys.path[:] = paths
    sys.modules.pop("doubling", None)
    importlib.invalidate_caches()


def _faults(toy: Toy, **options: bool) -> list[str]:
    toy.land_all(["2020-01", "2020-02"])
    return toy.make("+forecast/features", **options).faults


def test_whose_a_file_is() -> None:
    assert is_installed(pytest.__file__)
    assert is_installed(importlib.__file__)
    assert is_installed("built-in")
    assert not is_installed(__file__)


def test_a_helper_by_sys_path_is_refused_at_every_batch(toy: Toy, helper: Path) -> None:
    toy.edit(
        FEATURES, FIRST, f"import sys\n\nsys.path.insert(0, {str(helper)!r})\nimport doubling\n"
    )
    (first, second) = _faults(toy)
    for fault in (first, second):
        assert f"it imports doubling ({helper / 'doubling.py'}): this code is in no key" in fault
        assert "Put it into the project and import it by an import statement" in fault
    assert not [cell for cell in toy.digests() if cell.startswith("forecast/")]


def test_a_helper_on_the_path_is_named_before_and_refused_after(toy: Toy, helper: Path) -> None:
    sys.path.insert(0, str(helper))
    toy.edit(FEATURES, FIRST, FIRST + "import doubling\n")
    planner = toy.planner()
    (found,) = impurities(planner.workspace, planner.project)
    assert (Path(found.file).name, found.line) == ("features.py", 2)
    assert (found.what, found.reason) == ("import doubling", CODE)
    assert all("it imports doubling" in fault for fault in _faults(toy))


def test_a_helper_that_is_imported_as_the_hook_is_called(toy: Toy, helper: Path) -> None:
    sys.path.insert(0, str(helper))
    lazily = f"{CALL}    __import__('doub' + 'ling')\n"
    toy.edit(FEATURES, CALL, lazily)
    assert len([fault for fault in _faults(toy) if "it imports doubling" in fault]) == 2


def test_a_module_of_the_project_under_a_computed_name(toy: Toy) -> None:
    (toy.root / "toy/defs/forecast/more.py").write_text("X = 1\n")
    importing = "import importlib\n\nimportlib.import_module('toy.defs.forecast.' + 'more')\n"
    toy.edit(FEATURES, FIRST, FIRST + importing)
    faults = _faults(toy)
    assert len([fault for fault in faults if "it imports toy.defs.forecast.more" in fault]) == 2, (
        faults
    )


def test_what_is_installed_and_what_is_imported_by_name_passes(toy: Toy) -> None:
    (toy.root / "toy/defs/forecast/more.py").write_text("X = 1\n")
    usual = "import json\n\nimport scipy.stats\n\nfrom toy.defs.forecast import more\n"
    toy.edit(FEATURES, FIRST, FIRST + usual)
    toy.edit(FEATURES, CALL, f"{CALL}    import sklearn.impute\n")
    assert _faults(toy) == []
