"""Looking at the landing folders, and landing by name."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ml_assets.engine.landing import Observed, land, landed_again, observe
from ml_assets.engine.plan import Planner
from ml_assets.errors import RequestError, UnknownName
from ml_assets.spec.project import Project
from ml_assets.stages.parts import parts_of
from ml_assets.store.home import Home
from ml_assets_tests.projects import Toy, sales

JAN, FEB = "2020-01", "2020-02"


@pytest.fixture
def planner(toy: Toy) -> Planner:
    return toy.planner()


@pytest.fixture
def folder(planner: Planner) -> Path:
    found = planner.home.landing / "sales"
    found.mkdir(parents=True)
    return found


def _look(planner: Planner, settle: float = 0.0) -> Observed:
    return observe(planner.home, planner.project, settle)


def _landed(home: Home, dataset: str = "sales", batch: str = JAN) -> list[bytes]:
    return [home.objects.read(i.digest) for i in home.batches.landed().get((dataset, batch), [])]


def test_nothing_lies_there(planner: Planner) -> None:
    assert _look(planner) == Observed()


def test_new_changed_and_touched(planner: Planner, folder: Path) -> None:
    file = folder / f"sales-{JAN}.csv"
    file.write_bytes(b"one")
    assert _look(planner) == Observed(landed=[f"sales@{JAN}"])
    assert _look(planner) == Observed()
    file.write_bytes(b"two")
    assert _look(planner) == Observed(landed=[f"sales@{JAN}"])
    os.utime(file)
    assert _look(planner) == Observed()
    file.write_bytes(b"one")
    assert _look(planner) == Observed(landed=[f"sales@{JAN}"])
    assert _landed(planner.home) == [b"one", b"two", b"one"]


def test_a_touched_file_is_hashed_once(planner: Planner, folder: Path) -> None:
    file = folder / f"sales-{JAN}.csv"
    file.write_bytes(b"one")
    _look(planner)
    os.utime(file, (1, 1))
    _look(planner)
    ((path, (stat, _)),) = planner.home.batches.known_files().items()
    assert path == f"landing/sales/sales-{JAN}.csv"
    assert stat.split()[1] == "1000000000"


def test_the_same_bytes_under_another_name(planner: Planner, folder: Path) -> None:
    file = folder / f"sales-{JAN}.csv"
    file.write_bytes(b"one")
    _look(planner)
    file.rename(folder / f"sales-{JAN}.csv.gz")
    assert _look(planner) == Observed()


def test_two_files_for_one_batch(planner: Planner, folder: Path) -> None:
    for name in (f"sales-{JAN}.csv", f"sales-{JAN}.csv.gz", f"sales-{FEB}.csv"):
        (folder / name).write_bytes(name.encode())
    found = _look(planner)
    assert found.landed == [f"sales@{FEB}"]
    assert found.problems == [
        f"sales@{JAN}: two files for one batch, sales-{JAN}.csv and sales-{JAN}.csv.gz; "
        f"keep only one in {folder}"
    ]
    (folder / f"sales-{JAN}.csv").unlink()
    assert _look(planner) == Observed(landed=[f"sales@{JAN}"])


def test_a_wrong_name(planner: Planner, folder: Path) -> None:
    (folder / "sales-january.csv").write_bytes(b"one")
    (found,) = _look(planner).problems
    assert found.startswith(f"{folder / 'sales-january.csv'}: the name does not match 'sales-(?P<")
    assert found.endswith("rename it or move it away")


def test_what_is_hidden_and_folders_of_other_names_are_left_alone(
    planner: Planner, folder: Path
) -> None:
    (folder / ".sales.tmp").write_bytes(b"one")
    (folder / ".lock").symlink_to("/nonexistent")
    (folder / "archive").mkdir()
    (folder / "archive" / "sales-2020-01.csv").symlink_to("/nonexistent")
    (planner.home.landing / "round").symlink_to(".")
    assert _look(planner) == Observed()


def test_what_is_no_file_is_named_and_the_rest_lands(planner: Planner, folder: Path) -> None:
    undecodable = os.fsdecode(b"sales-2020-\xff.csv")
    (folder / undecodable).write_bytes(b"one")
    (folder / "sales-2020-03.csv").mkdir()
    (folder / "sales-2020-04.csv").symlink_to("nowhere")
    os.mkfifo(folder / "sales-2020-05.csv")
    (folder / f"sales-{JAN}.csv").write_bytes(b"one")
    found = _look(planner)
    assert found.landed == [f"sales@{JAN}"]
    cure = "; rename it or move it away"
    assert found.problems == [
        f"{folder}/sales-2020-03.csv: is a folder without Parquet files; wanted a file, or a "
        "folder of Parquet files alone",
        f"{folder}/sales-2020-04.csv: is a link to nowhere, which does not exist{cure}",
        f"{folder}/sales-2020-05.csv: is a pipe, not a file{cure}",
        f"{folder}/sales-2020-\\xff.csv: its name is not UTF-8{cure}",
    ]


def test_a_landing_folder_that_is_a_file_is_named(planner: Planner) -> None:
    planner.home.landing.mkdir()
    (planner.home.landing / "sales").touch()
    assert _look(planner).problems == [
        f"{planner.home.landing}/sales: cannot be inspected: Not a directory; "
        "rename it or move it away"
    ]


def test_a_file_that_vanished_changes_nothing(planner: Planner, folder: Path) -> None:
    file = folder / f"sales-{JAN}.csv"
    file.write_bytes(b"one")
    _look(planner)
    file.unlink()
    assert _look(planner) == Observed(missing=[f"sales@{JAN}"])
    assert _landed(planner.home) == [b"one"]
    folder.rmdir()
    assert _look(planner) == Observed(missing=[f"sales@{JAN}"])


def test_a_file_must_settle(planner: Planner, folder: Path) -> None:
    file = folder / f"sales-{JAN}.csv"
    file.write_bytes(b"one")
    assert _look(planner, 30.0) == Observed(settling=[str(file)])
    assert _look(planner, 30.0).settling == [str(file)], "it was not remembered"
    # Copying can set the time that people see: the other one counts too.
    os.utime(file, (1, 1))
    assert _look(planner, 30.0) == Observed(settling=[str(file)])
    assert _look(planner) == Observed(landed=[f"sales@{JAN}"])
    assert _look(planner, 30.0) == Observed(), "it did not move since"


def test_a_time_in_the_future_does_not_keep_a_file_out(planner: Planner, folder: Path) -> None:
    file = folder / f"sales-{JAN}.csv"
    file.write_bytes(b"one")
    far = time.time() + 1e6
    os.utime(file, (far, far))
    deadline = time.monotonic() + 20
    while (found := _look(planner, 0.05)).settling and time.monotonic() < deadline:
        time.sleep(0.01)
    assert found == Observed(landed=[f"sales@{JAN}"])


def test_a_file_that_cannot_be_read(planner: Planner, folder: Path) -> None:
    file = folder / f"sales-{JAN}.csv"
    file.symlink_to("/proc/self/mem")
    (folder / f"sales-{FEB}.csv").write_bytes(b"two")
    found = _look(planner)
    assert found.problems == [f"{file}: cannot be read: Input/output error"]
    assert found.landed == [f"sales@{FEB}"]


def test_withdrawn_bytes_stay_out_while_the_file_lies_there(planner: Planner, folder: Path) -> None:
    file = folder / f"sales-{JAN}.csv"
    file.write_bytes(b"one")
    _look(planner)
    planner.home.batches.withdraw("dev", "sales", JAN, "wrong")
    os.utime(file)
    assert _look(planner) == Observed()
    land(planner.home, planner.project, "sales", file, None)
    assert planner.session().landings("sales", JAN)[0][0].name == file.name


@pytest.fixture
def source(toy: Toy) -> Path:
    found = toy.root / f"sales-{JAN}.csv"
    found.write_bytes(sales(JAN))
    return found


def test_land_puts_the_file_and_its_content(planner: Planner, source: Path) -> None:
    assert land(planner.home, planner.project, "sales", source, None) == f"sales@{JAN}"
    folder = planner.home.landing / "sales"
    assert [path.name for path in folder.iterdir()] == [source.name]
    assert _landed(planner.home) == [sales(JAN)]
    assert source.exists()
    assert _look(planner, 30.0) == Observed(), "a file that was landed need not settle"


def test_land_replaces_the_batchs_other_file(planner: Planner, source: Path) -> None:
    land(planner.home, planner.project, "sales", source, None)
    zipped = source.rename(source.with_suffix(".csv.gz"))
    zipped.write_bytes(b"other")
    land(planner.home, planner.project, "sales", zipped, JAN)
    assert [p.name for p in (planner.home.landing / "sales").iterdir()] == [zipped.name]
    assert _landed(planner.home) == [b"other", sales(JAN)]


def test_land_names_the_file_where_the_batch_is_said(planner: Planner, source: Path) -> None:
    odd = source.rename(source.with_name("export.csv"))
    assert land(planner.home, planner.project, "sales", odd, FEB) == f"sales@{FEB}"
    assert [p.name for p in (planner.home.landing / "sales").iterdir()] == [f"sales-{FEB}.csv"]


def test_land_what_lies_in_the_folder_already(planner: Planner, folder: Path) -> None:
    file = folder / f"sales-{JAN}.csv"
    file.write_bytes(b"one")
    land(planner.home, planner.project, "sales", file, None)
    assert file.read_bytes() == b"one"
    assert _landed(planner.home) == [b"one"]


def test_land_a_snapshot_under_its_datasets_name(planner: Planner, source: Path) -> None:
    landing = planner.project.datasets["prices"].landing
    landing = landing.model_copy(update={"pattern": r"prices\.csv"})
    update = {"calendar": None, "landing": landing}
    project = Project({"prices": planner.project.datasets["prices"].model_copy(update=update)}, {})
    assert land(planner.home, project, "prices", source, None) == "prices"
    assert [p.name for p in (planner.home.landing / "prices").iterdir()] == ["prices.csv"]
    assert _landed(planner.home, "prices", "") == [sales(JAN)]
    with pytest.raises(RequestError, match="is a snapshot and has no batches"):
        land(planner.home, project, "prices", source, JAN)


def test_requests_that_are_wrong(planner: Planner, source: Path) -> None:
    home, project = planner.home, planner.project
    with pytest.raises(UnknownName, match="no dataset named 'salse'; did you mean 'sales'"):
        land(home, project, "salse", source, None)
    with pytest.raises(RequestError, match="is of batch 2020-01, but --batch is 2020-02"):
        land(home, project, "sales", source, FEB)
    with pytest.raises(RequestError, match=r"sales-2020-02\.csv: No such file"):
        land(home, project, "sales", source.with_name(f"sales-{FEB}.csv"), None)
    odd = source.rename(source.with_name("export.csv"))
    with pytest.raises(RequestError, match="rename it or give the batch with --batch"):
        land(home, project, "sales", odd, None)
    with pytest.raises(RequestError, match="no file name for batch 'June'"):
        land(home, project, "sales", odd, "June")
    with pytest.raises(RequestError, match=r"^2020-\\xff: not UTF-8"):
        land(home, project, "sales", odd, os.fsdecode(b"2020-\xff"))
    assert home.batches.landed() == {}
    assert not home.landing.exists()


def test_a_failed_landing_leaves_nothing(planner: Planner, source: Path, folder: Path) -> None:
    (folder / source.name).mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        land(planner.home, planner.project, "sales", source, None)
    assert [path.name for path in folder.iterdir()] == [source.name]
    assert planner.home.batches.landed() == {}


def _as_spark_writes(folder: Path, *contents: bytes) -> Path:
    folder.mkdir(parents=True)
    for number, content in enumerate(contents):
        (folder / f"part-{number}.parquet").write_bytes(content)
    (folder / "_SUCCESS").touch()
    return folder


def test_a_folder_of_parts_is_one_batch(planner: Planner, folder: Path) -> None:
    made = _as_spark_writes(folder / f"sales-{JAN}.csv", b"one", b"two")
    assert _look(planner) == Observed(landed=[f"sales@{JAN}"])
    assert _look(planner) == Observed()
    os.utime(made / "part-0.parquet")
    assert _look(planner) == Observed()
    (made / "part-1.parquet").write_bytes(b"three")
    assert _look(planner, 9.0).settling == [str(made)]
    assert _look(planner) == Observed(landed=[f"sales@{JAN}"])
    assert [list(parts_of(content).values()) for content in _landed(planner.home)] == [
        [b"one", b"three"],
        [b"one", b"two"],
    ]
    (made / "_temporary").mkdir()
    assert "is still being written" in _look(planner).problems[0]


def test_a_folder_of_parts_is_landed_by_name(
    planner: Planner, folder: Path, source: Path, tmp_path: Path
) -> None:
    given = _as_spark_writes(tmp_path / "given" / "export.parquet", b"one")
    there = _as_spark_writes(folder / f"sales-{JAN}.csv", b"old")
    given = given.rename(given.with_name(there.name))
    assert land(planner.home, planner.project, "sales", given, None) == f"sales@{JAN}"
    assert there.is_file()
    assert parts_of(there.read_bytes()) == {"part-0.parquet": b"one"}
    assert _look(planner) == Observed()
    there.unlink()
    _as_spark_writes(there, b"one")
    assert _look(planner) == Observed()
    digest = planner.home.batches.landed()["sales", JAN][0].digest
    planner.home.objects.forget(digest)
    assert landed_again(planner.home, digest)
    (given / "notes.txt").touch()
    with pytest.raises(RequestError, match=r"is a folder with notes\.txt"):
        land(planner.home, planner.project, "sales", given, None)
