"""What a Dask worker does: one action, with the libraries and the objects alone.

It has neither the project nor the state. Code comes from the stored sources, in a process for each
state of it; inputs are checked against the size and SHA-256 that the task names. Belongs here: the
Dask worker's side. Does not belong here: what is sent (`task`), recording results (`filler`).
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ml_assets.engine.runners import memory
from ml_assets.errors import StageError
from ml_assets.history.stored_code.process import CodeProcess, code_process
from ml_assets.keys.libraries import environment, machine, version_of
from ml_assets.store.object_files import ObjectFiles, sha256_of
from ml_assets.store.objects import Ref, described

PROTOCOL = 1
STATES = 2
"""Processes that a thread of a Dask worker keeps, each with another state of the code."""
Task = Mapping[str, Any]
File = tuple[int, str]
"""Size and SHA-256."""


class Refused(Exception):
    """A Dask worker that must not run a task; the text says why."""


class _Ended(Exception):
    """The process of an action is gone: killed, by the kernel for its memory perhaps."""


class _TooLarge(_Ended):
    """The process of an action was killed since the Dask worker's memory was used up."""

    def __init__(self, held: int, limit: int) -> None:
        super().__init__(
            f"more than the Dask worker's memory is needed: {memory.shown(held)} were held, and "
            f"its limit is {memory.shown(limit)}"
        )
        self.limit = limit


def run(task: Task) -> dict[str, Any]:
    """Run an action and return its result, or why there is none, as JSON.

    `outputs`, `checks`, `facts`, `machine`, `seconds`; or `refused`, if another Dask worker may do
    better; or `ended`, if its process was killed, with `limit` if it needs more bytes of memory
    than that; or `error`. Always `worker`, its address.
    """
    from distributed import get_worker

    worker = get_worker()
    said = {"worker": worker.address}
    try:
        check(task)
        return {**said, **_run(task, worker.memory_manager.memory_limit)}
    except (Refused, OSError) as error:
        return {**said, "refused": str(error) or type(error).__name__}
    except _TooLarge as error:
        return {**said, "ended": str(error), "limit": error.limit}
    except _Ended as error:
        return {**said, "ended": str(error)}
    except StageError as error:
        return {**said, "error": str(error)}


def check(task: Task) -> None:
    """Raise Refused where this process has other libraries than the action's key names."""
    if task["protocol"] != PROTOCOL:
        raise Refused(f"its ml_assets speaks protocol {PROTOCOL}, wanted {task['protocol']}")
    other = differing(task["libraries"])
    if other:
        raise Refused("it has " + ", ".join(other))


def differing(wanted: Mapping[str, str]) -> list[str]:
    """Return what differs from the wanted libraries here, one text each."""
    here = {name: version_of(name)[1] for name in wanted} | environment(())
    return [
        f"{name} {here[name] or 'not installed'} (wanted {version or 'none'})"
        for name, version in wanted.items()
        if here[name] != version
    ]


def reads(objects: str, digest: str, file: File) -> str | None:
    """Return why this process cannot read and write the objects; None if it can."""
    try:
        store = _Store(objects)
        store.files[digest] = tuple(file)
        store.path(digest)
        store.put(b"ml_assets")
    except (OSError, StageError) as error:
        return str(error) or type(error).__name__
    return None


def _run(task: Task, limit: int | None) -> dict[str, Any]:
    began = time.perf_counter()
    store = _store(task["objects"])
    store.files.update({digest: tuple(file) for digest, file in task["files"].items()})
    process = _process(store, task["sources"])
    with memory.Watch(process.pid, limit) as watch:
        try:
            made = process.make(json.loads(task["call"]))
        except StageError as error:
            if process.alive:
                raise
            if watch.held and limit:
                raise _TooLarge(watch.held, limit) from None
            raise _Ended(str(error)) from None
    return {
        "outputs": {
            name: {**ref.to_json(), "file": store.files[ref.digest]}
            for name, ref in made.outputs.items()
        },
        "checks": made.checks,
        "facts": made.facts,
        # The kernels are those of the process that ran it.
        "machine": {**machine(), "kernels": dict(made.kernels)},
        "seconds": time.perf_counter() - began,
    }


class _Store:
    """The objects as a Dask worker has them: by size and SHA-256, without the state."""

    def __init__(self, root: str) -> None:
        self._files = ObjectFiles(root)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.files: dict[str, Any] = {}
        self._checked: dict[str, Path] = {}

    def path(self, digest: str) -> Path:
        """Return a local file with an object's bytes, checked once; OSError if they differ."""
        if digest not in self._checked:
            path, data = self._files.path(digest), self._files.bytes_of(digest)
            size, sha256 = self.files[digest]
            if len(data) != size or sha256_of(data) != sha256:
                raise OSError(f"object {digest} is damaged: {path} holds {len(data)} bytes")
            if self._files.remote:
                if self._folder is None:
                    self._folder = tempfile.TemporaryDirectory(prefix="ml_assets-objects-")
                path = Path(self._folder.name) / path.name
                path.write_bytes(data)
            self._checked[digest] = path
        return self._checked[digest]

    def put(self, content: Any) -> Ref:
        """Write an object, unless the same bytes are there."""
        ref, encode = described(content)
        data = encode()
        if self._files.size(ref.digest) != len(data) or self._files.bytes_of(ref.digest) != data:
            self._files.write(self._files.path(ref.digest), data)
        self.files[ref.digest] = (len(data), sha256_of(data))
        return ref


_here = threading.local()
"""Of each thread: its store, and its processes by the digest of their sources."""


def _store(root: str) -> _Store:
    stores: dict[str, _Store] = _here.__dict__.setdefault("stores", {})
    if root not in stores:
        stores[root] = _Store(root)
    return stores[root]


def _process(store: _Store, sources: str) -> CodeProcess:
    """Return the process that has this state of the code."""
    processes: OrderedDict[str, tuple[ExitStack, CodeProcess]]
    processes = _here.__dict__.setdefault("processes", OrderedDict())
    if sources in processes and not processes[sources][1].alive:
        processes.pop(sources)[0].close()
    if sources not in processes:
        stack = ExitStack()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ml_assets-code-")))
        texts = json.loads(store.path(sources).read_bytes())
        processes[sources] = stack, stack.enter_context(code_process(texts, folder / "code", store))
        while len(processes) > STATES:
            processes.popitem(last=False)[1][0].close()
    processes.move_to_end(sources)
    return processes[sources][1]
