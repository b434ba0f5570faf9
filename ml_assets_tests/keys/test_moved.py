"""Modules that moved: nothing re-runs for it, and what was stored under old names still works."""

from __future__ import annotations

import ast
import json
from itertools import groupby
from pathlib import Path

import pytest

from ml_assets.keys import before_moves as renamed
from ml_assets.moved import MOVES, Moved
from ml_assets.workspace import PACKAGE
from ml_assets_tests.projects import Toy
from ml_assets_tests.upgraded import Upgraded

MOVED = Moved(
    [
        ("ml_assets.plan.load", "ml_assets.engine.load"),
        ("ml_assets.plan.past", "ml_assets.history.past"),
        ("ml_assets.stages.zip", "ml_assets.stages.pack"),
        ("ml_assets.engine.load", "ml_assets.keys.load"),
    ]
)
OLD = """\
from ml_assets.adapters.pages import page
from ml_assets.plan import load, past, units
from ml_assets.plan.load import LATE, Late, late
from ml_assets.stages.zip import one as first
from ml_assets.stages.zip import two

NAMES = ("ml_assets.plan.past", "ml_assets.plan.load:late", "see ml_assets.plan.load")


def f():
    from ml_assets.plan.past import past

    return past
"""
NEW = """\
from ml_assets.adapters.pages import page
from ml_assets.history import past
from ml_assets.keys import load
from ml_assets.keys.load import LATE, Late, late
from ml_assets.plan import units
from ml_assets.stages.pack import one as first
from ml_assets.stages.pack import two

NAMES = ("ml_assets.history.past", "ml_assets.keys.load:late", "see ml_assets.plan.load")


def f():
    from ml_assets.history.past import past

    return past
"""
EDITED = {
    "another thing is imported": ("import two", "import three"),
    "from another module": (
        "from ml_assets.history import past",
        "from ml_assets.plan import pact",
    ),
    "under another name": ("one as first", "one as second"),
    "a text that says more": ("see ml_assets.plan.load", "see ml_assets.keys.load"),
    "what it does": ("return past", "return past()"),
}


def _before(text: str) -> str:
    return ast.dump(renamed.before(ast.parse(text), MOVED))


def test_a_name_leads_to_the_first_and_to_the_present_one() -> None:
    assert MOVED.first("ml_assets.keys.load:late") == "ml_assets.plan.load:late"
    assert (
        MOVED.now("ml_assets.plan.load")
        == MOVED.now("ml_assets.engine.load")
        == ("ml_assets.keys.load")
    )
    assert MOVED.names("ml_assets.engine.load:late") == [
        "ml_assets.engine.load:late",
        "ml_assets.keys.load:late",
        "ml_assets.plan.load:late",
    ]
    assert MOVED.first("toy.features") == MOVED.now("toy.features") == "toy.features"
    assert [MOVED.was_package(name) for name in ("ml_assets.plan", "ml_assets", "toy")] == [
        True,
        True,
        False,
    ]


def test_an_importer_is_what_it_was() -> None:
    assert _before(NEW) == ast.dump(ast.parse(OLD)) == _before(OLD)


@pytest.mark.parametrize(("old", "new"), EDITED.values(), ids=EDITED)
def test_an_importer_that_was_edited_too_is_another(old: str, new: str) -> None:
    assert NEW.count(old) >= 1
    assert _before(NEW.replace(old, new)) != _before(NEW)


def test_a_source_that_names_no_moved_module_keeps_its_order() -> None:
    text = "from ml_assets.b import x\nfrom ml_assets.a import y\n"
    assert _before(text) == ast.dump(ast.parse(text))


def test_imports_stand_in_the_order_that_is_restored() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            body = getattr(node, "body", None)
            for own, run in groupby(body if isinstance(body, list) else (), renamed.is_own):
                if own:
                    found = list(run)
                    items = [item for node in found for item in renamed.imported(node)]
                    again = renamed.in_order(items)
                    assert [ast.unparse(n) for n in again] == [ast.unparse(n) for n in found], path


def test_no_module_has_an_old_name() -> None:
    names = [name for move in MOVES for name in move]
    assert len({old for old, _ in MOVES}) == len({new for _, new in MOVES}) == len(MOVES)
    for old, new in MOVES:
        there = PACKAGE.parent.joinpath(*old.split("."))
        assert not there.with_suffix(".py").exists(), f"{old} moved to {new}"
    assert all(name.startswith("ml_assets.") for name in names)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a later ml_assets in which modules of each kind have moved."""
    root = tmp_path_factory.mktemp("later")
    Upgraded.of(root, root).move(
        adapters__mlflow__pyfunc="adapters.served.pyfunc",
        faults="mistakes.faults",
        engine__landing="landed.landing",
        spec__columns="spec.contract.columns",
        spec__model="models.model",
        stages__clean="stages.cleaned.clean",
        stages__metrics="stages.judging.metrics",
        stages__quality__arrays="stages.numbers.arrays",
        stages__train__fit="stages.train.fits.fit",
        stages__train__linear="fitters.linear",
        stages__train__predict="stages.predicting.predict",
    )
    return root


@pytest.fixture
def later(package: Path, made: Toy) -> Upgraded:
    """Give that package on a project in which today's has made everything."""
    return Upgraded(package, made.root)


def test_a_move_re_runs_nothing(later: Upgraded, package: Path) -> None:
    assert later.to_do() == {}
    # As Dagster loads it: asset keys and code versions.
    definitions = later.json("plan")["definitions"]
    assert definitions == Upgraded(PACKAGE.parent, later.project).json("plan")["definitions"]
    edit = ("stages/cleaned/clean.py", "\n\ndef clean(", "\n\nMORE = 1\n\n\ndef clean(")
    later.edit(*edit)
    try:
        reasons = later.to_do()
    finally:
        later.edit(edit[0], edit[2], edit[1])
    changed = "code: ml_assets.stages.cleaned.clean changed"
    assert {cell for cell, reason in reasons.items() if changed in reason} >= {
        "sales/cleaned@2020-01",
        "prices/cleaned@2020-06",
    }
    assert reasons["forecast/candidate"].startswith("depends on")


def test_stored_calls_are_made_again_and_walked(later: Upgraded) -> None:
    now = Upgraded(PACKAGE.parent, later.project)
    # The one difference: stages are shown by the names that they have now.
    shown = json.dumps(now.json("lineage", "forecast/release"))
    for old, new in (("clean", "cleaned.clean"), ("train.fit", "train.fits.fit")):
        assert f"ml_assets.stages.{old}:" in shown
        shown = shown.replace(f"ml_assets.stages.{old}:", f"ml_assets.stages.{new}:")
    assert later.json("lineage", "forecast/release") == json.loads(shown)
    for words in (
        ("gc", "--dry-run"),
        ("forget", "sales", "--key", "store=north", "--reason", "asked", "--dry-run"),
    ):
        assert later.json(*words) == now.json(*words)
    assert later.json("recreate", "forecast", "v0")["verdict"] == "IDENTICAL"


def test_a_model_in_mlflow_is_loaded_by_its_old_names(later: Upgraded) -> None:
    said = later.python("-c", LOAD, str(later.project / "served"))
    assert json.loads(said) == {"same": True, "served": [7.0, 7.0]}


LOAD = """
import json, sys
from pathlib import Path
import mlflow, pandas as pd
from ml_assets.store.digest import json_digest

place = Path(sys.argv[1])
(place / "data").mkdir(parents=True)
model = {"task": "regression", "classes": [], "columns": {"x": "number"}, "family": "linear",
         "categories": {}, "source": None, "state": {"constant": 7.0}}
(place / "data" / "model.json").write_text(json.dumps(model))
family = {"module": "ml_assets.stages.train.linear", "digest": json_digest(model)}
(place / "data" / "family.json").write_text(json.dumps(family))
mlflow.pyfunc.save_model(place / "model", loader_module="ml_assets.adapters.pyfunc",
                         data_path=place / "data", pip_requirements=[])
served = mlflow.pyfunc.load_model(str(place / "model")).predict(pd.DataFrame({"x": [1.0, 2.0]}))
import ml_assets.adapters.pyfunc as old, ml_assets.adapters.served.pyfunc as new
same = old is new and new.__spec__.name == new.__name__ == "ml_assets.adapters.served.pyfunc"
print(json.dumps({"same": same, "served": list(served)}))
"""
