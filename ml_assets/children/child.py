"""The parent's side: starting a child, sending it requests, ending it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from ml_assets.children import responder


class ChildError(Exception):
    """A child did not answer; the text is what it raised, or how it ended."""


class Ended(ChildError):
    """A child is gone: it died, or was ended because it did not answer in time."""


class Child:
    """A process that runs `children/responder`; for use by one thread.

    It has this process's environment, updated with `environ`. If `isolated`, it sees neither
    PYTHONPATH nor the user's packages. Its output goes to `log`, or is kept for messages.
    """

    def __init__(
        self,
        target: str,
        *words: str,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        isolated: bool = False,
        niceness: int = 0,
        log: IO[bytes] | None = None,
    ) -> None:
        self._log: IO[bytes] = log or tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._own_log = log is None
        self._process = subprocess.Popen(
            [sys.executable, "-I" if isolated else "-P", responder.__file__, target, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            cwd=cwd,
            env={**os.environ, **(environ or {})},
            # Control-C is for the parent; the child ends when its stdin closes.
            start_new_session=True,
        )
        if niceness:
            os.setpriority(os.PRIO_PROCESS, self._process.pid, niceness)
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def tell(self, request: Any) -> None:
        """Send a request; raises Ended if the process is gone."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Ended(self._death()) from None

    def answer(self, patience: float | None = None) -> Any:
        """Return the answer to a request that was sent; wait at most `patience` seconds.

        Raises ChildError with what the child raised, and Ended if it is gone.
        """
        try:
            line = self._answers.get(timeout=patience)
        except queue.Empty:
            self.close()
            raise Ended(f"no answer within {patience:g} s") from None
        if not line:
            raise Ended(self._death())
        reply = json.loads(line)
        if "error" in reply:
            raise ChildError(reply["error"])
        return reply["answer"]

    def ask(self, request: Any, patience: float | None = None) -> Any:
        """Send a request and return its answer, as `tell` and `answer` do.

        Raises ChildError and Ended.
        """
        self.tell(request)
        return self.answer(patience)

    def close(self) -> None:
        """End the process immediately; answers received so far stay valid."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        if self._own_log:
            self._log.close()

    def _read(self) -> None:
        """Pass on each line, and an empty one at the end."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def _death(self) -> str:
        """Return the message about a process that ended without an answer."""
        code = self._process.wait()
        lines: Sequence[str] = ()
        if self._own_log:
            self._log.seek(0)
            lines = self._log.read().decode(errors="replace").strip().splitlines()
        self.close()
        return f"the process ended with code {code}" + (f" ({lines[-1]})" if lines else "")
