"""Versions made again from their id alone, whatever became of code, specs, batches and home."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml_assets.errors import UnknownName
from ml_assets.history.stored_code import child
from ml_assets.history.stored_code.extract import extract, states
from ml_assets.operations.recreate.prepare import Prepared, machine_notes, prepare
from ml_assets.operations.recreate.replay import DIFFERENT, IDENTICAL, IMPOSSIBLE, _distance, replay
from ml_assets.store.home import Home
from ml_assets_tests import processes
from ml_assets_tests.operations.recreated import project_with_history
from ml_assets_tests.projects import Toy


@pytest.fixture(scope="module")
def history(original: Toy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    with project_with_history(original, tmp_path_factory.mktemp("recreate") / "project") as toy:
        yield toy


@pytest.fixture
def copy(history: Toy, tmp_path: Path) -> Iterator[Home]:
    """A copy of the home alone: no code, no specs, no landing folder."""
    processes.copy(history.root / "data", tmp_path / "home")
    shutil.rmtree(tmp_path / "home" / "landing")
    home = Home(tmp_path / "home", "dev")
    yield home
    home.close()


def _landed(home: Home, batch: str) -> str:
    return home.batches.landed()["sales", batch][0].digest


def test_identical_in_a_copied_home_after_an_edit_and_more_batches(copy: Home) -> None:
    prepared = prepare(copy, "forecast", "v0")
    assert (prepared.missing, prepared.moved) == ([], {})
    assert len(prepared.closure.landed) == 12
    assert prepared.report is not None
    made: list[str] = []
    found = replay(copy, prepared, made.append)
    assert (found.verdict, found.actions, found.differences) == (IDENTICAL, 37, [])
    assert (found.rows, found.largest) == (54, 0.0)
    assert made[-1] == "forecast/evaluation_report#evaluate"
    assert len(made) == 37


def test_a_withdrawn_batch_is_in_the_versions_that_had_it(copy: Home) -> None:
    march = _landed(copy, "2020-02")
    assert march in prepare(copy, "forecast", "1").closure.landed
    assert march not in prepare(copy, "forecast", "v2").closure.landed


def test_what_is_missing_is_said_and_nothing_runs(copy: Home) -> None:
    copy.objects.path(_landed(copy, "2020-01")).unlink()
    prepared = prepare(copy, "forecast", "v0")
    assert len(prepared.missing) == 1
    assert prepared.missing[0].startswith(
        "the landed file of sales@2020-01 (sales-2020-01.csv): object d1:"
    )
    assert "is missing" in prepared.missing[0]
    assert replay(copy, prepared).verdict == IMPOSSIBLE


def test_damaged_landed_content_and_sources_are_named(copy: Home) -> None:
    copy.objects.path(_landed(copy, "2020-01")).write_bytes(b"other")
    sources = prepare(copy, "forecast", "v0").closure.steps[-1].record.sources
    copy.objects.path(sources).write_bytes(b"other")
    missing = prepare(copy, "forecast", "v0").missing
    assert any("sales@2020-01" in what and "is damaged" in what for what in missing)
    assert any(what.startswith("the sources of forecast/") for what in missing)


def test_a_damaged_result_does_not_matter(copy: Home) -> None:
    prepared = prepare(copy, "forecast", "v0")
    for step in prepared.closure.steps:
        for ref in step.outputs.values():
            copy.objects.path(ref.digest).unlink(missing_ok=True)
    assert prepare(copy, "forecast", "v0").missing == []


def test_unknown_names_are_answered_with_the_nearest(copy: Home) -> None:
    with pytest.raises(UnknownName, match="did you mean 'forecast'"):
        prepare(copy, "forcast", "v0")
    with pytest.raises(
        UnknownName, match=r"no version of forecast/candidate named 'v7'.*v0, v1, v2"
    ):
        prepare(copy, "forecast", "v7")


def _only_ingest(home: Home, prepared: Prepared, **changes: Any) -> Prepared:
    """Cut a version down to reading one file, and pretend something of its record."""
    step = next(s for s in prepared.closure.steps if s.part == "ingest")
    record = replace(step.record, **changes)
    closure = replace(prepared.closure, steps=[type(step).of(record)], landed={step.inputs[0]})
    sources = {record.sources: prepared.sources[record.sources]}
    return replace(prepared, closure=closure, sources=sources, report=None)


def test_the_first_different_asset_and_why(copy: Home) -> None:
    prepared = prepare(copy, "forecast", "v0")
    record = next(s.record for s in prepared.closure.steps if s.part == "ingest")
    other = {**record.outputs, "raw": replace(record.outputs["raw"], digest="d1:other")}
    then = {**record.ingredients, "environment": {"python": "3.1", "pyarrow": "0.1"}}
    cut = _only_ingest(copy, prepared, outputs=other, ingredients=then)
    found = replay(copy, cut)
    assert found.verdict == DIFFERENT
    (first,) = found.differences
    assert first.asset.endswith("raw@2020-01")
    assert first.output == "raw"
    assert any(why.startswith("pyarrow was 0.1, now ") for why in first.why)
    assert any(why.startswith("python was 3.1, now 3.") for why in first.why)


def test_an_action_that_fails_is_different(copy: Home) -> None:
    prepared = prepare(copy, "forecast", "v0")
    record = next(s.record for s in prepared.closure.steps if s.part == "ingest")
    call = record.ingredients["call"].replace(':ingest"', ':absent"')
    cut = _only_ingest(copy, prepared, ingredients={**record.ingredients, "call": call})
    found = replay(copy, cut)
    assert found.verdict == DIFFERENT
    assert "failed: AttributeError" in found.differences[0].why[0]


def test_predictions_are_compared_row_by_row() -> None:
    import pyarrow as pa

    def table(*values: float, key: str = "b") -> pa.Table:
        return pa.table({"_key": ["a", key], "target": [1.0, 2.0], "prediction": list(values)})

    assert _distance(table(1.0, 100.0), table(1.0, 100.0)) == (0.0, True)
    assert _distance(table(1.0, 100.0), table(1.0, 100.00005)) == (pytest.approx(5e-5), True)
    assert _distance(table(1.0, 100.0), table(1.0, 100.5)) == (0.5, False)
    assert _distance(table(1.0, 100.0), table(1.0, 100.0, key="c")) == (None, False)


def test_another_kernel_is_a_reason(copy: Home) -> None:
    step = prepare(copy, "forecast", "v0").closure.steps[0]
    machine = {**step.record.machine, "architecture": "abacus", "kernels": {"openblas": "Haswell"}}
    other = type(step).of(replace(step.record, machine=machine))
    notes = machine_notes(other, {"openblas": "SkylakeX"})
    assert notes[0].startswith("architecture was abacus, now ")
    assert notes[1] == "openblas kernel was Haswell, now SkylakeX"


def test_sources_become_packages_and_modules(tmp_path: Path) -> None:
    texts = {
        "p.a": "from p.b import x\n",
        "p.b": "from .c import x\n",
        "p.b.c": "x = 1\n",
        "p.d": "from .a import x\n",
    }
    extract(texts, tmp_path)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py"))
    assert files == ["p/__init__.py", "p/a.py", "p/b/__init__.py", "p/b/c.py", "p/d.py"]


def test_two_texts_of_a_module_are_two_states() -> None:
    found = states([{"a": "1", "b": "1"}, {"a": "1", "c": "1"}, {"a": "2"}])
    assert [members for _, members in found] == [[0, 1], [2]]
    assert found[0][0] == {"a": "1", "b": "1", "c": "1"}


def test_the_child_answers_with_files_or_the_error(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"store,price\nnorth,1.5\n")
    params = {
        "dataset": "prices",
        "landing": {"pattern": "x"},
        "columns": {"store": {"type": "category"}, "price": {"type": "number"}},
    }
    request = {
        "stage": "ml_assets.stages.ingest:ingest",
        "spec": "ml_assets.spec.dataset:IngestSpec",
        "params": params,
        "hooks": {},
        "inputs": {"landed": "d1:x"},
        "files": {"d1:x": ["d1:x", str(tmp_path / "in")]},
        "out": str(tmp_path),
    }
    answer = child.answering()(request)
    assert {n: o["kind"] for n, o in answer["outputs"].items()} == {
        "raw": "table",
        "rejects": "table",
        "summary": "json",
    }
    with pytest.raises(AttributeError):
        child.answering()({**request, "stage": "ml_assets.stages.ingest:absent"})
