"""The parent's side of a process that runs stored code (`child`)."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ml_assets.children.child import Child, ChildError
from ml_assets.errors import StageError
from ml_assets.history.stored_code import child as stored
from ml_assets.history.stored_code.extract import Texts, extract
from ml_assets.keys.calls import digests_of
from ml_assets.moved import moved
from ml_assets.store.objects import Ref

NAMING = ("stage", "spec", "hooks", "family", "predict")
"""The parts of a call that name modules."""


@dataclass(frozen=True)
class CallOutputs:
    """The outputs of a call, kept in the scratch store."""

    outputs: Mapping[str, Ref]
    kernels: Mapping[str, str]
    """The loaded numerical libraries, and the CPU for which each was built."""
    checks: Sequence[Any] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


class Files(Protocol):
    """Objects by their digest: where one lies, and how a new one is kept."""

    def path(self, digest: str) -> Any:
        """Return the path of an object's file."""

    def put(self, content: Any) -> Ref:
        """Keep a content."""


class CodeProcess:
    """One process with one version of the code."""

    def __init__(self, folder: Path, child: Child, objects: Files, texts: Texts) -> None:
        self.folder = folder
        self._modules = texts.keys()
        self._child = child
        self._objects = objects

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._child.alive

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    def make(self, call: Mapping[str, Any]) -> CallOutputs:
        """Make a call whose inputs are in the scratch store; raises StageError if it failed."""
        needed = [d for tree in call["inputs"].values() for d in digests_of(tree)]
        needed += [call["model"]] if "model" in call else []
        files = {digest: (digest, str(self._objects.path(digest))) for digest in needed}
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as out:
            try:
                answer = self._child.ask({**self._as_stored(call), "files": files, "out": out})
            except ChildError as error:
                raise StageError(str(error)) from None
            outputs = {name: self._keep(item) for name, item in answer["outputs"].items()}
        checks, facts = answer.get("checks", ()), answer.get("facts", {})
        return CallOutputs(outputs, answer["kernels"], checks, facts)

    def _as_stored(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """Return a call with the names of its modules in the stored code."""
        named = {part: call[part] for part in NAMING if part in call}
        return {**call, **{part: self._stored(names) for part, names in named.items()}}

    def _stored(self, names: Any) -> Any:
        if isinstance(names, Mapping):
            return {key: self._stored(name) for key, name in names.items()}
        held = (name for name in moved.names(names) if name.partition(":")[0] in self._modules)
        return next(held, names)

    def _keep(self, item: Mapping[str, str]) -> Ref:
        content = Path(item["path"]).read_bytes()
        if item["kind"] == "bytes":
            return self._objects.put(content)
        if item["kind"] == "json":
            return self._objects.put(json.loads(content))
        import pyarrow as pa

        from ml_assets.stages.schema import compact

        with pa.ipc.open_file(pa.BufferReader(content)) as reader:
            return self._objects.put(compact(reader.read_all()))


@contextmanager
def code_process(texts: Texts, folder: Path, objects: Files) -> Iterator[CodeProcess]:
    """Extract sources into a new folder, and start a process with them."""
    extract(texts, folder)
    path = os.pathsep.join(p for p in (str(folder), os.environ.get("PYTHONPATH", "")) if p)
    target = f"{stored.__file__}:answering"
    with Child(target, environ={"PYTHONPATH": path}, cwd=folder) as child:
        yield CodeProcess(folder, child, objects, texts)
