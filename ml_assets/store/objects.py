"""Immutable content, named by its digest.

An object is written under a temporary name and renamed; size and sha256 of its
file are kept in the state, and every read checks them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, delete, select

from ml_assets.errors import DamagedObject, HomeError, StageError
from ml_assets.store import digest as digests
from ml_assets.store import temporary
from ml_assets.store.object_files import ObjectFiles, sha256_of
from ml_assets.store.removals import lift, removal
from ml_assets.store.state import State, insert_missing, meta, objects
from ml_assets.walk import look

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["table", "json", "bytes"]
MARK = "store.id"
"""The file among the objects, and the row of the state, that tie the two together."""
REQUESTS = 16
"""How many sizes of remote objects are requested at once."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A stored object: its digest, its kind, and its number of rows or bytes."""

    digest: str
    kind: Kind
    rows: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the reference as kept in the state."""
        return {"digest": self.digest, "kind": self.kind, "rows": self.rows}


@dataclass(frozen=True)
class Stray:
    """A file among the objects: its path, the digest in its name, seconds since the epoch."""

    path: Any
    digest: str
    written: float


class Objects:
    """The objects of a home.

    `root` is a folder, or an fsspec URL such as s3://bucket/prefix; `shown` is its name in
    messages.
    """

    def __init__(self, root: str | Path, state: State) -> None:
        self._state = state
        self._files = ObjectFiles(root)
        self._remote, self.root = self._files.remote, self._files.root
        if not self._remote:
            temporary.sweep(self.root / "tmp")
        self.shown = str(self.root)

    def path(self, digest: str) -> Any:
        """Return an object's path: objects/<first two hex digits>/<digest>."""
        return self._files.path(digest)

    def put(self, content: pa.Table | dict[str, Any] | list[Any] | bytes) -> Ref:
        """Store a table, a JSON document or bytes; the same content is stored once.

        Raises StageError for content that has no digest (`store/digest`).
        """
        ref, encode = described(content)
        with self._state.read() as db:
            known = db.execute(
                select(objects.c.size).where(objects.c.digest == ref.digest)
            ).scalar()
        if known is not None and self._size(ref.digest) == known:
            return ref
        data = encode()
        self._write(self.path(ref.digest), data)
        return self.adopt(ref, len(data), sha256_of(data))

    def adopt(self, ref: Ref, size: int, sha256: str) -> Ref:
        """Record an object whose file was written, here or by a worker."""
        row = {"digest": ref.digest, "kind": ref.kind, "size": size, "sha256": sha256}
        with self._state.write() as db:
            db.execute(delete(objects).where(objects.c.digest == ref.digest))
            insert_missing(db, objects, [row])
            lift(db, ref.digest)
        return ref

    def recorded(self, wanted: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Return size and SHA-256 of objects by digest; raises DamagedObject for one not there."""
        known: dict[str, tuple[int, str]] = {}
        with self._state.read() as db:
            for start in range(0, len(wanted), 500):
                part = objects.c.digest.in_(wanted[start : start + 500])
                for row in db.execute(select(objects).where(part)):
                    known[row.digest] = row.size, row.sha256
        for digest in wanted:
            if digest not in known:
                raise DamagedObject(digest, f"object {digest} is not in the store")
        return known

    def missing(self, wanted: Sequence[str]) -> list[str]:
        """Return those digests whose object is missing or has another size than recorded."""
        if not wanted:
            return []
        with self._state.read() as db:
            known = _sizes(db, wanted)
        if not self._remote:
            return [d for d in wanted if d not in known or self._size(d) != known[d]]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(REQUESTS) as threads:
            sizes = threads.map(lambda d: self._size(d) if d in known else None, wanted)
            return [d for d, size in zip(wanted, sizes, strict=True) if size != known.get(d, -1)]

    def reach(self, digest: str) -> None:
        """Ask for an object's file; DamagedObject without one, OSError if the store is away."""
        if self._size(digest) is None:
            raise self._gone(digest)

    def read(self, digest: str) -> bytes:
        """Return an object's file bytes, checked; raises DamagedObject naming it."""
        path = self.path(digest)
        with self._state.read() as db:
            row = db.execute(select(objects).where(objects.c.digest == digest)).one_or_none()
            gone = removal(db, digest) if row is None else None
        if row is None:
            said = f"was {gone}" if gone else "is not in the store"
            raise DamagedObject(digest, f"object {digest} {said}")
        try:
            with self._translated():
                data: bytes = path.read_bytes()
        except FileNotFoundError:
            raise self._gone(digest) from None
        if len(data) != row.size or sha256_of(data) != row.sha256:
            raise DamagedObject(
                digest,
                f"object {digest} is damaged: {path} holds {len(data)} bytes that differ from the "
                f"{row.size} bytes that were written; `ml-assets repair` rebuilds it",
            )
        return data

    def table(self, digest: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a stored table, or only some of its columns; raises as `read` does."""
        from ml_assets.stages import parquet

        return parquet.read(self.read(digest), columns)

    def head(self, digest: str, rows: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the first rows of a stored table, with those of the columns that it has.

        Raises as `read` does.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        file = pq.ParquetFile(pa.BufferReader(self.read(digest)))
        schema = file.schema_arrow
        names = schema.names if columns is None else [c for c in columns if c in schema.names]
        first = next(file.iter_batches(batch_size=rows, columns=names, use_threads=False), None)
        if first is None:
            return _part(schema, names).empty_table()
        return pa.Table.from_batches([first])

    def json(self, digest: str) -> Any:
        """Return a stored JSON document; raises as `read` does."""
        return json.loads(self.read(digest))

    def forget(self, digest: str) -> None:
        """Drop an object, so that its action must run again."""
        with self._state.write() as db:
            db.execute(delete(objects).where(objects.c.digest == digest))
        self.remove(digest)

    def remove(self, digest: str) -> None:
        """Remove an object's file, if it exists."""
        with self._translated():
            self.path(digest).unlink(missing_ok=True)

    def files(self) -> Iterator[Stray]:
        """Yield every object's file, whether the state knows it or not."""
        with self._translated():
            for path in self.root.glob("??/d1-*"):
                entry = None if self._remote else look(path)
                if self._remote or (entry is not None and not entry.odd):
                    yield Stray(path, path.name.replace("-", ":", 1), path.stat().st_mtime)

    def claimed(self) -> bool:
        """Return whether the state is tied to objects, here or elsewhere."""
        with self._state.read() as db:
            return db.execute(select(meta.c.value).where(meta.c.key == MARK)).first() is not None

    def claim(self) -> None:
        """Tie objects and state together.

        Raises HomeError if they do not belong together, or the objects cannot be reached. Otherwise
        a machine with one wrong setting would run everything again, and a collection there would
        remove objects that the other state needs.
        """
        try:
            lies, known = self._marks()
        except OSError as error:
            asked = "is ML_ASSETS_OBJECTS correct and writable, and is its server up?"
            raise HomeError(
                f"the objects at {self.shown} cannot be used: {error}; {asked}"
            ) from error
        if lies is None or lies != known:
            raise HomeError(
                f"the objects at {self.shown} do not belong to the state {self._state.shown}; "
                "every machine that shares a home sets the same ML_ASSETS_STATE and "
                "ML_ASSETS_OBJECTS; a state that was lost is restored from a copy"
            )

    def _marks(self) -> tuple[str | None, str | None]:
        """Return the ids that objects and state hold; a new id is written first if both are new.

        A home whose objects were in its folder until now counts as new too.
        """
        mark = self.root / MARK
        with self._translated():
            lies = mark.read_bytes().decode(errors="replace") if mark.exists() else None
        with self._state.write() as db:
            mine = select(meta.c.value).where(meta.c.key == MARK)
            known = db.execute(mine).scalar()
            one = db.execute(select(objects.c.digest).limit(1)).scalar()
            here = one is None or (known is None and self._size(one) is not None)
            if lies is None and here:
                known = known or uuid.uuid4().hex
                insert_missing(db, meta, [{"key": MARK, "value": known}])
                self._write(mark, known.encode())
                return known, known
        return lies, known

    def _gone(self, digest: str) -> DamagedObject:
        path = self.path(digest)
        return DamagedObject(
            digest, f"object {digest} is missing: {path}; `ml-assets repair` rebuilds it"
        )

    def _translated(self) -> AbstractContextManager[None]:
        return self._files.translated()

    def _size(self, digest: str) -> int | None:
        return self._files.size(digest)

    def _write(self, path: Any, data: bytes) -> None:
        self._files.write(path, data)


def _sizes(db: Connection, wanted: Sequence[str]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        rows = db.execute(
            select(objects.c.digest, objects.c.size).where(objects.c.digest.in_(part))
        )
        sizes.update({row.digest: row.size for row in rows})
    return sizes


def described(content: Any) -> tuple[Ref, Any]:
    """Return the reference to a content, and a function that encodes it; raises StageError."""
    if isinstance(content, bytes):
        return Ref(digests.bytes_digest(content), "bytes", len(content)), lambda: content
    if isinstance(content, (dict, list)):
        return Ref(digests.json_digest(content), "json"), lambda: digests.canonical_json(content)
    import pyarrow as pa

    if isinstance(content, pa.Table):
        return Ref(digests.table_digest(content), "table", content.num_rows), lambda: _parquet(
            content
        )
    raise StageError(f"an output must be a table, a JSON document or bytes, not {type(content)}")


def _part(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([field for field in schema if field.name in names])


def _parquet(table: pa.Table) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    # No limit to the size of a dictionary page: beyond it, the file would lose the order.
    pq.write_table(table, sink, compression="zstd", dictionary_pagesize_limit=2**30)
    return bytes(sink.getvalue())
