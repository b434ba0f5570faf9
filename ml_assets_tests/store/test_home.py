"""A home: opened, copied, refused."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from ml_assets.errors import HomeError
from ml_assets.store.home import Home, _machine
from ml_assets.store.objects import Ref
from ml_assets.store.records import Product
from ml_assets_tests import processes


def test_folders(home: Home) -> None:
    assert home.landing == home.root / "landing"
    assert home.folder == home.root / "environments" / "dev"


def test_a_copied_home_works(home: Home, tmp_path: Path) -> None:
    ref = home.objects.put(b"content")
    home.batches.land("toy", "m1", ref.digest, "toy.csv")
    home.records.record("dev", [Product("toy/raw", "m1", {"raw": ref}, {}, [], {})], None)
    home.close()
    processes.copy(home.root, tmp_path / "copy")
    shutil.rmtree(home.root)
    copy = Home(tmp_path / "copy", "dev")
    assert copy.objects.read(ref.digest) == b"content"
    current = copy.records.current("dev", "toy/raw", "m1")
    assert current is not None
    assert current.outputs == {"raw": Ref(ref.digest, "bytes", 7)}
    assert ("toy", "m1") in copy.batches.landed()
    copy.close()


def test_only_a_folder_with_an_environments_name_is_one(home: Home) -> None:
    folder = home.root / "environments"
    for name in ("prod", "Copy of dev", ".cache", "x"):
        (folder / name).mkdir(parents=True)
    (folder / "moved").symlink_to("x")
    (folder / ".DS_Store").touch()
    (folder / "notes").touch()
    (folder / "gone").symlink_to("nowhere")
    assert home.environments() == ["dev", "moved", "prod", "x"]


def test_a_path_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"home-\\xff: its path is not UTF-8"):
        Home(tmp_path / os.fsdecode(b"home-\xff"), "dev")


def test_a_newer_format_is_refused(home: Home) -> None:
    home.close()
    with sqlite3.connect(home.root / "state.db") as db:
        db.execute("update meta set value = '99' where key = 'format'")
    db.close()
    with pytest.raises(
        HomeError, match=r"store format 99, .* reads up to 1; use the version that created"
    ):
        Home(home.root, "dev")
    opened = [file.path for file in psutil.Process().open_files()]
    assert not [path for path in opened if Path(path).parent == home.root.resolve()]


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\x00bad"])
def test_a_corrupt_state_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(HomeError, match=r"state\.db cannot be used: .*restore it from a copy"):
        Home(tmp_path, "dev")


def test_a_state_that_is_a_folder_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    with pytest.raises(HomeError, match=r"state\.db is a folder, not a file; wanted a file"):
        Home(tmp_path, "dev")


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match="cannot be created"):
        Home(tmp_path / "file" / "home", "dev")


@pytest.mark.parametrize("env", ["", "Dev", "../dev", "1st", "a b"])
def test_environment_names(tmp_path: Path, env: str) -> None:
    with pytest.raises(HomeError, match="wanted lower case letters"):
        Home(tmp_path, env)


OPEN = """
import sys
from pathlib import Path
from ml_assets.store.home import Home, _machine

sys.stdin.readline()
for number in range(10):
    home = Home(Path(sys.argv[1]) / str(number), "dev")
    home.batches.land("toy", sys.argv[2], "A", "a")
    home.close()
"""


def test_a_new_home_opened_by_several_processes_at_once(tmp_path: Path) -> None:
    several = [processes.start(OPEN, tmp_path, str(number)) for number in range(3)]
    for process in several:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in several:
        processes.finish(process)
    for number in range(10):
        home = Home(tmp_path / str(number), "dev")
        assert {batch for _, batch in home.batches.landed()} == {"0", "1", "2"}
        home.close()


def _modes(root: Path, *names: str) -> list[str]:
    return [f"{stat.S_IMODE((root / name).stat().st_mode):o}" for name in names]


def test_a_home_is_its_owners_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", "dev")
    home.objects.put(b"content")
    log = ["state.db", "state.db-wal", "state.db-shm"]
    assert _modes(home.root, ".", "environments", "objects", *log) == ["700"] * 3 + ["600"] * 3
    assert not home.seen_by_others()
    home.close()


def test_in_a_folder_that_is_there_what_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    root = tmp_path / "home"
    root.mkdir(mode=0o755)
    home = Home(root, "dev")
    assert _modes(root, ".", "environments", "objects", "state.db") == ["755", "700", "700", "600"]
    assert not home.seen_by_others()
    home.close()


def test_an_older_home_keeps_its_modes_and_tells(home: Home) -> None:
    home.close()
    for name in ("", "environments", "objects", "state.db"):
        (home.root / name).chmod(0o755)
    again = Home(home.root, "dev")
    assert again.seen_by_others()
    again.close()
    assert _modes(home.root, ".", "environments", "state.db") == ["755"] * 3
    home.root.chmod(0o750)
    assert not again.seen_by_others()


def test_objects_without_their_state_are_not_a_new_home(home: Home) -> None:
    ref = home.objects.put(b"content")
    with closing(sqlite3.connect(home.root / "state.db")) as db:
        db.execute("VACUUM INTO ?", (str(home.root / "backup.db"),))
    home.close()
    (home.root / "state.db").unlink()
    for _ in range(2):
        with pytest.raises(HomeError, match=r"holds objects, and its state\.db is gone or empty"):
            Home(home.root, "dev")
    # Restored, as the error says.
    (home.root / "backup.db").replace(home.root / "state.db")
    again = Home(home.root, "dev")
    assert again.objects.read(ref.digest) == b"content"
    again.close()
    # Begun anew, as it says too.
    (home.root / "state.db").unlink()
    (home.root / "objects").rename(home.root.parent / "objects")
    Home(home.root, "dev").close()


DAMAGE = {
    "no JSON": b'{"raw": {"digest": "d1:x\x7f',
    "no UTF-8": b'{"raw": {"dig\xffst": "d1:x"}}',
    "a name flipped": b'{"raw": {"dihest": "d1:x"}}',
    "another kind": b"[1]",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_value_of_the_state_that_is_damaged(home: Home, damage: str) -> None:
    ref = home.objects.put(b"content")
    home.records.record("dev", [Product("toy/raw", "m1", {"raw": ref}, {}, [], {})], None)
    with closing(sqlite3.connect(home.root / "state.db")) as db, db:
        db.execute("update current set outputs = cast(? as text)", (DAMAGE[damage],))
    with pytest.raises(HomeError, match=r"state\b.*damaged.*restore.* from a copy"):
        home.records.all_current("dev")


def test_a_name_of_this_folder_that_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "machine").write_bytes(b"\xff" * 32)
    with pytest.raises(HomeError, match=r"machine is damaged: .* wanted 32 hexadecimal digits"):
        _machine(tmp_path)


READ_ONLY = """
import os, sys
from pathlib import Path
from ml_assets.store.home import Home

os.geteuid() or os.seteuid(65534)
Home(Path(sys.argv[1]), "dev")
"""


def test_a_home_that_must_not_be_written() -> None:
    """As a user who may read all of it, and change nothing; pytest's folders are root's alone."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        root = Path(name)
        Home(root, "dev").close()
        for path in (root, *root.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        process = processes.start(READ_ONLY, root)
        _, err = process.communicate(timeout=processes.TIMEOUT)
        root.chmod(0o755)
    assert "HomeError: the state database" in err
    assert "the home must be writable" in err
