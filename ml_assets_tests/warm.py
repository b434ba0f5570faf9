"""Processes forked from one that has imported all they need: seconds less for each.

`python()` stands in for `sys.executable` while a command runs inside a test; with the folder of
`path()` in its PYTHONPATH another process does the same. MLflow's publisher, the gate's fresh
process and our own commands are then forked from a warm process, with the streams, folder and
environment that they were started with; every other program is started as it is. Tests of those
processes themselves start them cold.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
IMPORTED = (
    "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "ml_assets.adapters.mlflow.aliases",
    "ml_assets.adapters.mlflow.experiments",
    "ml_assets.adapters.mlflow.client",
    "ml_assets.cli.main",
    "ml_assets.keys.load",
    "ml_assets.stages.train.lightgbm",
    "ml_assets.stages.train.linear",
    "ml_assets.stages.train.predict",
    "http.server",
    "onnxruntime",
)
SCRIPT = str(ROOT / "ml_assets" / "children" / "responder.py")
PUBLISHER = ["-P", SCRIPT, "ml_assets.adapters.mlflow.child:answering"]
SERVED = ["-I", SCRIPT, f"{ROOT}/ml_assets/serve/fresh.py:answering"]
COMMAND = ["-m", "ml_assets.cli.main"]
FORKED = [PUBLISHER, SERVED, COMMAND]
"""How the words of what is forked begin."""
FLOWER = (
    "flwr.cli.app",
    "flwr.serverapp.strategy",
    "flwr.supercore.cli",
    "flwr.superlink.cli",
    "flwr.supernode.cli",
    "xgboost",
)
PROGRAMS = ("dagster", "dagster-daemon", "ml-assets", "mlflow")
OWN, FLOWERS = "ml_assets", "flower"
"""Whose processes a warm process forks."""
LAUNCHER = """\
#!{real} -IS
import sys, os
words = sys.argv[1:]
if not any(words[: len(start)] == start for start in {forked}):
    os.execv({real!r}, [{real!r}, *words])
import json, socket
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked:
    asked.connect({address!r})
    request = dict(words=words, cwd=os.getcwd(), environ=dict(os.environ), python={launcher!r})
    request["group"] = os.getpgrp() if {grouped} else None
    socket.send_fds(asked, [json.dumps(request).encode()], [0, 1, 2])
    sys.exit(int(asked.recv(16) or 1))
"""


@contextmanager
def python() -> Iterator[None]:
    """Let what is started as `sys.executable` be forked where it can be."""
    real = sys.executable
    sys.executable = _launcher(real)
    try:
        yield
    finally:
        sys.executable = real


def path() -> str:
    """Return a folder for PYTHONPATH: what a process with it starts is forked where it can be."""
    return str(Path(_launcher(sys.executable)).parent)


def flower(real: str) -> str:
    """Return a program that stands in for Flower's Python: what it starts is forked.

    A process that started a session of its own is killed with its group, as if it had not been.
    """
    return _launcher(real, FLOWERS)


@functools.cache
def _launcher(real: str, whose: str = OWN) -> str:
    """Start a warm process of this one; return the program that asks it."""
    if Path(real).name == "launcher":
        return real
    folder = tempfile.mkdtemp(prefix="warm-")
    launcher, address = Path(folder, "launcher"), str(Path(folder, "socket"))
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING"}
    server = subprocess.Popen(
        [real, "-P", __file__, address, whose],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
        start_new_session=True,
    )

    def end() -> None:
        server.kill()
        server.communicate()
        shutil.rmtree(folder)

    atexit.register(end)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    forked = FORKED if whose == OWN else [["-I"]]
    names = {"real": real, "launcher": str(launcher), "address": address, "forked": forked}
    launcher.write_text(LAUNCHER.format(**names, grouped=whose == FLOWERS))
    launcher.chmod(0o755)
    for name in PROGRAMS if whose == OWN else ():
        # They are looked for beside `sys.executable`.
        Path(folder, name).symlink_to(Path(real).with_name(name))
    Path(folder, "sitecustomize.py").write_text(
        f"import sys\n\nsys.executable = {str(launcher)!r}\n"
    )
    return str(launcher)


def serve(address: str, whose: str) -> None:
    """Fork a process for each request until stdin ends."""
    for name in FLOWER if whose == FLOWERS else _own():
        importlib.import_module(name)
    if whose == OWN:
        from ml_assets_tests import migrated

        migrated.keep(Path(address).with_name("mlflow.db"))
    # Forked processes neither look through what is imported nor copy it for that.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)
        while server in select.select([0, server], [], [])[0]:
            asked, _ = server.accept()
            message, streams, _, _ = socket.recv_fds(asked, 1 << 20, 3)
            if os.fork() == 0:
                _run(asked, json.loads(message), streams)
            for stream in streams:
                os.close(stream)
            asked.close()


def _own() -> Iterator[str]:
    from ml_assets.cli.main import MODULES

    yield from IMPORTED
    yield from (f"ml_assets.cli.{module}" for module in MODULES.values())


def _run(asked: socket.socket, request: dict[str, Any], streams: list[int]) -> None:
    """Be the process that was asked for; end with the one that asked."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["environ"])
        end = _joined(request["group"])
        threading.Thread(target=lambda: (asked.recv(1), end()), daemon=True).start()
        sys.executable = request["python"]
        words = request["words"]
        if words[1] == "-c":
            sys.argv = words[1:2] + words[3:]
            exec(words[2], {"__name__": "__main__"})
        elif words[0] != "-m":
            if words[0] == "-P":
                sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
            sys.argv = words[1:]
            runpy.run_path(sys.argv[0], run_name="__main__")
        else:
            sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
            sys.argv = words[words.index("-m") + 1 :]
            sys.modules.pop(sys.argv[0], None)
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        with suppress(BrokenPipeError):
            # Who asked was killed, most often.
            asked.send(str(code).encode())
        os._exit(code)


def _joined(group: int | None) -> Callable[[], object]:
    """Join the group of the process that asked; return what ends this one when that has ended."""
    if group is None:
        return lambda: os._exit(1)
    try:
        os.setpgid(0, group)
    except PermissionError:
        # It leads a session: so this one leads a group.
        os.setpgid(0, 0)
        return lambda: os.killpg(0, signal.SIGKILL)
    return lambda: os._exit(1)


if __name__ == "__main__":
    serve(*sys.argv[1:])
