"""A home that machines share: locks in Postgres, objects on S3, settings that are wrong."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_assets.engine.landing import observe
from ml_assets.errors import HomeError
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.lock import writer
from ml_assets.store.objects import MARK
from ml_assets_tests import processes
from ml_assets_tests.shared import PASSWORD, Cluster, try_objects

HOST = socket.gethostname()


@pytest.fixture
def address(cluster: Cluster) -> str:
    return cluster.empty()


@pytest.fixture
def shared(tmp_path: Path, address: str) -> Iterator[Home]:
    found = Home(tmp_path / "one", "dev", address, str(tmp_path / "objects"))
    yield found
    found.close()


@pytest.fixture
def elsewhere(tmp_path: Path, address: str, shared: Home) -> Iterator[Home]:
    """The same home from another machine."""
    found = Home(tmp_path / "two", "dev", address, str(tmp_path / "objects"))
    yield found
    found.close()


HOLD = """
import sys
from pathlib import Path
from ml_assets.store.home import Home
from ml_assets.store.lock import writer

home = Home(Path(sys.argv[1]), "dev", *sys.argv[2:4])
with writer(home.writer_lock(), "run 7"), home.locks.hold("d1:key"):
    print("held", flush=True)
    sys.stdin.readline()
home.close()
"""


@pytest.fixture
def other(tmp_path: Path, address: str, shared: Home) -> Iterator[subprocess.Popen[str]]:
    """A process on another machine that holds the writer lock and that of an action."""
    process = processes.start(HOLD, tmp_path / "two", address, tmp_path / "objects")
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_it_is_waited_for_by_name_and_said_once(shared: Home, other: Any) -> None:
    said: list[str] = []

    def waiting(text: str) -> None:
        said.append(text)
        threading.Timer(0.3, lambda: other.communicate("go\n")).start()

    holder = f"run 7 (process {other.pid} on {HOST})"
    lock = shared.writer_lock()
    assert lock.holder() == holder
    assert shared.writer_lock("prod").holder() is None
    with pytest.raises(HomeError, match=rf"environment dev of postgresql://.*{other.pid} on"):
        writer(lock, "mine").__enter__()
    with writer(lock, "mine", patience=30, waiting=waiting):
        assert other.wait(processes.TIMEOUT) == 0
        assert lock.holder() == f"mine (process {os.getpid()} on {HOST})"
    assert said == [f"waiting for {holder}"]
    assert lock.holder() is None


def test_a_killed_process_frees_what_it_held(shared: Home, other: Any) -> None:
    taken = threading.Event()

    def take() -> None:
        with shared.locks.hold("d1:key"):
            taken.set()

    with shared.locks.hold("d1:another", wait=False) as mine:
        assert mine
    with shared.locks.hold("d1:key", wait=False) as mine:
        assert not mine
    waits = threading.Thread(target=take)
    waits.start()
    assert not taken.wait(0.3)
    other.send_signal(signal.SIGKILL)
    waits.join(10)
    assert taken.is_set()
    with writer(shared.writer_lock(), "mine", patience=10):
        pass


def test_a_lock_that_was_lost_is_said(shared: Home, elsewhere: Home) -> None:
    end = "FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
    theirs = elsewhere.writer_lock()

    def work() -> None:
        with writer(shared.writer_lock(), "mine"):
            with elsewhere.state.write() as db:
                db.exec_driver_sql(f"SELECT pg_terminate_backend(pid, 5000) {end}")
            assert theirs.acquire("theirs")

    with pytest.raises(HomeError, match="was lost, so another machine may have worked"):
        work()
    assert shared.writer_lock().holder() == f"theirs (process {os.getpid()} on {HOST})"
    theirs.release()
    with writer(shared.writer_lock(), "mine again"):
        pass


def test_a_machine_knows_its_own_landing_folder_alone(shared: Home, elsewhere: Home) -> None:
    shared.batches.remember_file("landing/toy/a.csv", "stat", "d1:aa")
    elsewhere.batches.remember_file("landing/toy/a.csv", "other", "d1:bb")
    assert shared.batches.known_files() == {"landing/toy/a.csv": ("stat", "d1:aa")}
    assert elsewhere.batches.known_files() == {"landing/toy/a.csv": ("other", "d1:bb")}
    elsewhere.batches.land("toy", "m1", "d1:bb", "a.csv")
    assert list(shared.batches.landed()) == [("toy", "m1")]
    assert observe(shared, Project({}, {})).missing == []


def test_forgotten_rows_leave_no_bytes_in_the_tables(
    shared: Home, cluster: Cluster, address: str
) -> None:
    secret = "N14228-was-here"
    shared.pins.keep("dev", {"a": secret})
    shared.pins.drop("dev", "a")
    shared.state.vacuum()
    with shared.state.write() as db:
        db.exec_driver_sql("CHECKPOINT")
    files = (cluster.folder / "data" / "base").rglob("*")
    assert not [f for f in files if f.is_file() and secret.encode() in f.read_bytes()]


@pytest.mark.parametrize("objects", ["", "memory://elsewhere/objects"])
def test_other_objects_than_the_state_was_made_with(
    shared: Home, tmp_path: Path, address: str, objects: str
) -> None:
    shared.objects.put(b"content")
    with pytest.raises(HomeError, match="every machine that shares a home sets the same"):
        Home(tmp_path / "two", "dev", address, objects)


def test_a_home_whose_objects_are_looked_for_elsewhere(tmp_path: Path) -> None:
    alone = Home(tmp_path / "home", "dev")
    ref = alone.objects.put(b"content")
    alone.close()
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(HomeError, match=r"the objects at .*elsewhere do not belong to the state"):
        Home(tmp_path / "home", "dev", objects=str(elsewhere))
    shutil.copytree(tmp_path / "home" / "objects", elsewhere, dirs_exist_ok=True)
    moved = Home(tmp_path / "home", "dev", objects=str(elsewhere))
    assert moved.objects.read(ref.digest) == b"content"
    moved.close()
    with pytest.raises(
        HomeError, match=r"the objects at .*home/objects do not belong to the state"
    ):
        Home(tmp_path / "home", "dev")


def test_objects_of_another_state(shared: Home, tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"do not belong to the state sqlite:///.*two/state\.db"):
        Home(tmp_path / "two", "dev", "", str(tmp_path / "objects"))


def test_a_first_opening_that_was_cut_is_finished(
    shared: Home, tmp_path: Path, address: str
) -> None:
    (tmp_path / "objects" / MARK).unlink()
    Home(tmp_path / "two", "dev", address, str(tmp_path / "objects")).close()
    assert (tmp_path / "objects" / MARK).exists()


WRONG = {
    "mysql://ann:hidden@host/db": "names 'mysql', 'db'; wanted ML_ASSETS_STATE=postgresql://",
    "sqlite:////tmp/state.db": "names 'sqlite'",
    "nonsense hidden": "is not a database URL",
    "postgresql://ann:hidden@host:port/db": "is not a database URL",
    "postgresql://ann:hidden@127.0.0.1:1/db": r"//ann@127\.0\.0\.1:1/db cannot be used: .*refused",
    "postgresql://tester:hidden@127.0.0.1:{port}/postgres": "password authentication failed",
    "postgresql:///none?user=tester&host={folder}&port={port}": '"none" does not exist',
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_state_that_cannot_be_used(tmp_path: Path, cluster: Cluster, wrong: str) -> None:
    given = wrong.format(port=cluster.port, folder=cluster.folder)
    with pytest.raises(HomeError, match=WRONG[wrong]) as caught:
        Home(tmp_path, "dev", given)
    assert "hidden" not in str(caught.value)


def test_a_user_who_may_make_no_tables(tmp_path: Path, cluster: Cluster, address: str) -> None:
    from urllib.parse import quote

    opened = Home(tmp_path, "dev", address)
    with opened.state.write() as db:
        db.exec_driver_sql(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    opened.close()
    with pytest.raises(
        HomeError, match=r"permission denied.*must be allowed to create tables"
    ) as e:
        Home(
            tmp_path,
            "dev",
            f"postgresql://guest:{quote(PASSWORD, safe='')}@127.0.0.1:{cluster.port}/postgres",
        )
    assert PASSWORD not in str(e.value)


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ("nowhere://team/home", "nowhere.*wanted a folder, or a URL of a filesystem that fsspec"),
        ("gs://team/home", "gcsfs.*whose package is installed"),
        ("ftp://ann:hidden@host/home", r"ftp://host/home holds a password.*FSSPEC_FTP_PASSWORD"),
    ],
)
def test_objects_that_cannot_be_used(tmp_path: Path, objects: str, said: str) -> None:
    with pytest.raises(HomeError, match=said) as caught:
        Home(tmp_path, "dev", "", objects)
    assert "hidden" not in str(caught.value)


def test_objects_on_a_filesystem_that_moves_files(tmp_path: Path, address: str) -> None:
    home = Home(tmp_path / "one", "dev", address, "memory://moved/home")
    try_objects(home)
    assert not list((home.objects.root / "tmp").iterdir())
    home.close()
