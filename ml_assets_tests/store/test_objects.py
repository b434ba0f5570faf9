"""Objects: stored once, checked on every read, never half written."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ml_assets.errors import DamagedObject, StageError
from ml_assets.store.home import Home
from ml_assets.store.objects import Objects, Ref
from ml_assets_tests import processes

TABLE = pa.table({"x": [1, None, 3], "c": pa.array(["a", "b", "a"]).dictionary_encode()})
CONTENTS = {"table": TABLE, "json": {"b": [1.5, None], "a": "é"}, "list": [1], "bytes": b"\x00a"}


def _files(home: Home) -> list[Path]:
    return sorted(path for path in home.objects.root.rglob("*") if path.is_file())


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


DAMAGE: dict[str, Callable[[Path], None]] = {
    "flipped": _flip,
    "truncated": _truncate,
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
    "empty": lambda path: path.write_bytes(b""),
    "deleted": Path.unlink,
}


def test_what_was_put_is_read_back(home: Home) -> None:
    refs = {name: home.objects.put(content) for name, content in CONTENTS.items()}
    assert home.objects.table(refs["table"].digest).equals(TABLE)
    assert home.objects.table(refs["table"].digest, ["c"]).column_names == ["c"]
    assert home.objects.json(refs["json"].digest) == CONTENTS["json"]
    assert home.objects.json(refs["list"].digest) == [1]
    assert home.objects.read(refs["bytes"].digest) == b"\x00a"
    assert [(ref.kind, ref.rows) for ref in refs.values()] == [
        ("table", 3),
        ("json", None),
        ("json", None),
        ("bytes", 2),
    ]


def test_a_reference_survives_json(home: Home) -> None:
    ref = home.objects.put(TABLE)
    assert Ref(**ref.to_json()) == ref


def test_the_same_content_is_stored_once(home: Home) -> None:
    first = home.objects.put(TABLE)
    (file,) = _files(home)
    before = file.stat()
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])
    assert home.objects.put(chunked) == first
    assert _files(home) == [file]
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("content", CONTENTS)
def test_damage_is_found_and_named(home: Home, content: str, damage: str) -> None:
    ref = home.objects.put(CONTENTS[content])
    path = home.objects.path(ref.digest)
    DAMAGE[damage](path)
    with pytest.raises(DamagedObject) as caught:
        home.objects.read(ref.digest)
    assert caught.value.digest == ref.digest
    assert ref.digest in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_object_is_accepted_when_made_again(home: Home, damage: str) -> None:
    ref = home.objects.put(TABLE)
    DAMAGE[damage](home.objects.path(ref.digest))
    home.objects.forget(ref.digest)
    assert home.objects.missing([ref.digest]) == [ref.digest]
    assert home.objects.put(TABLE) == ref
    assert home.objects.table(ref.digest).equals(TABLE)


def test_an_object_of_another_size_is_replaced_without_being_forgotten(home: Home) -> None:
    ref = home.objects.put(TABLE)
    _truncate(home.objects.path(ref.digest))
    home.objects.put(TABLE)
    assert home.objects.table(ref.digest).equals(TABLE)


def test_an_object_that_was_never_stored(home: Home) -> None:
    with pytest.raises(DamagedObject, match="d1:0 is not in the store"):
        home.objects.read("d1:0")


def test_missing_keeps_the_order_and_goes_by_size(home: Home) -> None:
    refs = [home.objects.put({"n": number}).digest for number in range(520)]
    for gone in (510, 3):
        home.objects.path(refs[gone]).unlink()
    _truncate(home.objects.path(refs[5]))
    assert home.objects.missing([*refs, "d1:0"]) == [refs[3], refs[5], refs[510], "d1:0"]
    assert home.objects.missing([]) == []


@pytest.mark.parametrize("content", ["text", 7, None, pa.array([1]), {1, 2}, {"x": float("nan")}])
def test_what_is_no_output_is_refused(home: Home, content: Any) -> None:
    with pytest.raises(StageError):
        home.objects.put(content)
    assert _files(home) == []


def test_a_failed_write_leaves_no_temporary_file(home: Home) -> None:
    ref = home.objects.put(TABLE)
    path = home.objects.path(ref.digest)
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=path.name):
        home.objects.put(TABLE)
    assert _files(home) == []


def test_temporary_files_of_ended_processes_are_removed(home: Home, tmp_path: Path) -> None:
    home.objects.put(TABLE)
    ended = processes.start("pass")
    processes.finish(ended)
    folder, host = tmp_path / "home" / "objects" / "tmp", socket.gethostname()
    gone = folder / f"{'0' * 32}.{ended.pid}.{host}"
    reused = folder / f"{'1' * 32}.{os.getpid()}.{host}"
    mine = folder / f"{'2' * 32}.{os.getpid()}.{host}"
    elsewhere = folder / f"{'3' * 32}.{ended.pid}.elsewhere"
    foreign = folder / "notes.txt"
    for path in (gone, reused, mine, elsewhere, foreign):
        path.write_bytes(b"half")
    os.utime(reused, (1, 1))
    Home(tmp_path / "home", "dev").close()
    assert sorted(folder.iterdir()) == [mine, elsewhere, foreign]


PUT = """
import sys
from pathlib import Path
import pyarrow as pa
from ml_assets.store.home import Home

home = Home(Path(sys.argv[1]), "dev")
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    ref = home.objects.put(pa.table({"x": list(range(number, number + 500))}))
    assert home.objects.table(ref.digest).num_rows == 500
home.close()
"""


def test_two_processes_put_the_same_at_the_same_time(home: Home, tmp_path: Path) -> None:
    processes.race(PUT, [(tmp_path / "home",)] * 2)
    assert len(_files(home)) == 40
    for file in _files(home):
        home.objects.read(file.name.replace("-", ":", 1))


def test_objects_under_an_url(home: Home) -> None:
    objects = Objects("memory://bucket/objects", home.state)
    ref = objects.put(TABLE)
    assert objects.put(TABLE) == ref
    assert objects.table(ref.digest).equals(TABLE)
    objects.forget(ref.digest)
    assert objects.missing([ref.digest]) == [ref.digest]
    with pytest.raises(DamagedObject, match="is not in the store"):
        objects.read(ref.digest)
    again = objects.put(b"bytes")
    objects.path(again.digest).unlink()
    with pytest.raises(DamagedObject, match="is missing"):
        objects.read(again.digest)


def test_the_first_rows_in_another_order_of_columns(home: Home) -> None:
    ref = home.objects.put(pa.table({"a": [1, 2], "b": ["x", "y"]}))
    found = home.objects.head(ref.digest, 1, ["b", "none", "a"])
    assert found.to_pydict() == {"a": [1], "b": ["x"]}
    empty = home.objects.put(pa.table({"a": pa.array([], pa.int64())}))
    assert home.objects.head(empty.digest, 1).schema == pa.schema([("a", pa.int64())])
