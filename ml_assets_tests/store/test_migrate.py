"""States of an older format, migrated by a copy of the package that has one format more."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from ml_assets.errors import HomeError
from ml_assets.store import earlier
from ml_assets.store.migrate import revisions
from ml_assets.store.state import FORMAT, metadata, open_state
from ml_assets_tests import processes
from ml_assets_tests.homes.later import LATER, REVISION, later_format, revision
from ml_assets_tests.homes.stored import FORMATS, unpack
from ml_assets_tests.upgraded import Upgraded

OPEN = """
import sys
from pathlib import Path
from sqlalchemy import select
from ml_assets.store.state import forgettings, open_state

print("ready", flush=True)
sys.stdin.readline()
state = open_state(Path(sys.argv[1]), sys.argv[2])
with state.read() as db:
    print([tuple(row) for row in db.execute(select(forgettings.c.id, forgettings.c.origin))])
print("alembic" in sys.modules)
with state.write() as db:
    row = {n: "x" for n in ("dataset", "batch", "reason", "at", "origin")}
    db.execute(forgettings.insert(), [row])
state.close()
"""
STONE = "INSERT INTO forgettings (dataset, batch, rows, reason, at) VALUES ('a','b',3,'d','e')"


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Upgraded:
    """A copy of the package in which forgettings have a column more."""
    return later_format(tmp_path_factory.mktemp("later"), Path())


@pytest.fixture
def state(request: pytest.FixtureRequest) -> str:
    """The address of a state of its own: what is migrated is no longer as other tests want it."""
    if request.param == "sqlite":
        return ""
    cluster = request.getfixturevalue("cluster")
    cluster.empty()  # The first one is the others'.
    return cluster.url()


@pytest.fixture
def old(tmp_path: Path, state: str) -> Path:
    """A home of today's format, in whose state there is one tombstone."""
    opened = open_state(tmp_path / "home", state)
    with opened.write() as db:
        db.execute(text(STONE))
    opened.close()
    return tmp_path / "home"


def _start(later: Upgraded, home: Path, state: str) -> subprocess.Popen[str]:
    return processes.start(OPEN, home, state, cwd=later.root)


def _opened(later: Upgraded, home: Path, state: str, code: int = 0) -> tuple[list[str], str]:
    """Open a home with the copy; return what was printed after `ready`, and what was said."""
    process = _start(later, home, state)
    out, err = process.communicate("go\n", timeout=processes.TIMEOUT)
    assert process.returncode == code, err
    return out.splitlines()[1:], err


def _copies(home: Path, state: str) -> list[str]:
    if not state:
        return [str(path) for path in earlier.files(home)]
    engine = create_engine(state.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as db:
        found = earlier.schemas(db, "public")
    engine.dispose()
    return found


def test_an_older_state_is_copied_and_migrated_and_it_is_said_once(
    later: Upgraded, old: Path, state: str
) -> None:
    printed, said = _opened(later, old, state)
    assert printed == ["[(1, 'till')]", "True"]
    (copy,) = _copies(old, state)
    assert said.count(f"was migrated from store format {FORMAT} to {LATER}") == 1
    assert copy in said
    # Again: nothing to do, nothing is said, and alembic is not imported.
    printed, said = _opened(later, old, state)
    assert printed == ["[(1, 'till'), (2, 'x')]", "False"]
    assert said == ""
    assert _copies(old, state) == [copy]
    with pytest.raises(HomeError, match=rf"has store format {LATER}, .* reads up to {FORMAT}"):
        open_state(old, state)


def test_two_at_once(later: Upgraded, old: Path, state: str) -> None:
    both = [_start(later, old, state) for _ in range(2)]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    said = [process.communicate("go\n", timeout=processes.TIMEOUT)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted("was migrated from" in text for text in said) == [False, True]
    assert len(_copies(old, state)) == 1


KILL = "\n    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n"


def test_one_that_is_killed_half_way_left_the_state_as_it_was(
    later: Upgraded, old: Path, state: str
) -> None:
    revision(later).write_text(REVISION + KILL)
    try:
        _opened(later, old, state, code=-signal.SIGKILL)
    finally:
        revision(later).write_text(REVISION)
    # Today's version still reads it.
    opened = open_state(old, state)
    with opened.read() as db:
        assert db.execute(text("SELECT * FROM forgettings")).one() == (1, "a", "b", 3, "d", "e")
    opened.close()
    assert _opened(later, old, state)[0] == ["[(1, 'till')]", "True"]


def _copied(home: Path, state: str) -> str:
    """Copy a state as a migration does; return the copy."""
    opened = open_state(home, state)
    with opened.write() as db:
        if state:
            earlier.copy_schema(db, "public", FORMAT)
        else:
            earlier.copy_file(opened.engine, home, FORMAT)
    opened.close()
    (copy,) = _copies(home, state)
    return copy


def test_a_copy_can_be_put_back(old: Path, state: str) -> None:
    copy = _copied(old, state)
    if state:
        page = processes.ROOT / "docs" / "how-to" / "upgrade.md"
        block = page.read_text().split("```sql\n")[1].split("```")[0]
        with psycopg.connect(state) as db:
            db.execute("DELETE FROM forgettings")
            db.execute(block.replace("public_format_1_20261128t172800z", copy).encode())
    else:
        assert stat.S_IMODE(Path(copy).stat().st_mode) == 0o600
        for left in old.glob("state.db*"):
            left.unlink()
        os.replace(copy, old / "state.db")
    opened = open_state(old, state)
    with opened.write() as db:
        db.execute(text(STONE))
        assert list(db.execute(text("SELECT id FROM forgettings ORDER BY id")).scalars()) == [1, 2]
    opened.close()
    assert _copies(old, state) == []


def test_copies_are_dropped(old: Path, state: str) -> None:
    copy = _copied(old, state)
    opened = open_state(old, state)
    assert opened.copies() == [copy]
    opened.drop_copies()
    assert opened.copies() == []
    opened.close()
    assert _copies(old, state) == []


def test_a_disk_that_is_full_leaves_the_state_as_it_was(later: Upgraded, tmp_path: Path) -> None:
    opened = open_state(tmp_path)
    opened.close()
    size = (tmp_path / "state.db").stat().st_size
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size // 2}, {size // 2}))\n"
    process = processes.start(limit + OPEN, tmp_path, "", cwd=later.root)
    _, err = process.communicate("go\n", timeout=processes.TIMEOUT)
    assert process.returncode == 1
    assert "disk I/O error" in err or "disk is full" in err
    assert earlier.files(tmp_path) == []
    with closing(sqlite3.connect(tmp_path / "state.db")) as db:
        assert db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone() == (FORMAT,)
    assert _opened(later, tmp_path, "")[0] == ["[]", "True"]


def test_the_newest_revision_makes_todays_format() -> None:
    assert revisions().get_heads() == [FORMAT]


@pytest.mark.parametrize("name", FORMATS)
def test_no_revision_is_missing(name: str, tmp_path: Path) -> None:
    """The tables of a home of each format, migrated, are those that a new home gets."""
    unpack(name, tmp_path / "project")
    opened = open_state(tmp_path / "project" / "data")
    with opened.read() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    opened.close()
