"""Actions on a Dask cluster: a scheduler and workers that are processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from ml_assets.cli.servers import free_port
from ml_assets.engine.runners.cluster import address_of
from ml_assets.errors import HomeError
from ml_assets.workspace import DASK, locate
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.projects import MONTHS, Toy

SITE = Path(json.__file__).parent
SCHEDULER = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]


@dataclass
class Cluster:
    """A scheduler and its workers."""

    address: str
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, words: Sequence[str | Path], **environ: str) -> subprocess.Popen[bytes]:
        """Start a process that has neither the project nor the home."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ML_ASSETS", "PYTHONP"))}
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                list(map(str, words)),
                cwd=self.folder,
                env={**kept, **environ},
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def workers(self, count: int) -> subprocess.Popen[bytes]:
        """Start workers as a person does."""
        words = [sys.executable, "-m", "ml_assets.cli.main", "worker", self.address]
        return self.start([*words, "--processes", str(count)])

    def log(self, number: int) -> str:
        """Return what a process said."""
        return (self.folder / f"{number}.log").read_text()

    def stop(self) -> None:
        """End every process, and those that they started."""
        for process in self.processes[::-1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                below = psutil.Process(process.pid).children(recursive=True)
                process.send_signal(signal.SIGTERM)
                _, left = psutil.wait_procs([psutil.Process(process.pid), *below], timeout=20)
                for one in left:
                    one.kill()
            process.wait()


@contextmanager
def cluster(folder: Path, patch: str = "") -> Iterator[Cluster]:
    """Start a scheduler; `patch` is run in its process first."""
    folder.mkdir()
    port = free_port()
    made = Cluster(f"tcp://127.0.0.1:{port}", folder)
    words = SCHEDULER
    if patch:
        code = f"{patch}; from distributed.cli.dask_scheduler import main; main()"
        words = [sys.executable, "-c", code, "--no-dashboard"]
    try:
        made.start([*words, "--host", "127.0.0.1", "--port", str(port)])
        yield made
    finally:
        made.stop()


def digests(shell: Shell) -> dict[tuple[str, str], str]:
    """Return the current digest of every cell."""
    with shell.store() as home:
        return {(c.asset, c.partition): c.digest for c in home.records.all_current(home.env)}


def said(shell: Shell) -> str:
    """Return the log of a run's workers."""
    return (shell.home / "environments/dev/logs/workers.log").read_text()


def made_by_workers(shell: Shell) -> int:
    """Return how many actions workers made in the last run."""
    (*_, last) = [line for line in said(shell).splitlines() if "workers made" in line]
    return int(last.split("workers made ")[1].split()[0])


def test_the_same_digests_whatever_ran_where(toy: Toy, tmp_path: Path) -> None:
    toy.land_all()
    toy.close()
    alone = Shell(toy.root, tmp_path / "alone")
    shutil.copytree(toy.root / "data", alone.home)
    shell = Shell(toy.root)
    with cluster(tmp_path / "cluster") as dask:
        dask.workers(2)
        shell.more = {DASK: dask.address}
        answer = shell.process("run", "--json", more={DASK: dask.address})
        assert f"actions run on {dask.address}" in answer.err
        assert answer.document["success"]
        assert shell.json("plan")["run"] == []
    assert made_by_workers(shell) > 20
    assert alone.json("run")["success"]
    assert digests(shell) == digests(alone)
    with shell.store() as home:
        made = home.records.versions("forecast/candidate")[0]
        assert made.actions


def test_a_worker_that_is_killed_is_started_again_and_nothing_is_lost(
    toy: Toy, tmp_path: Path
) -> None:
    toy.land_all()
    toy.close()
    shell = Shell(toy.root)
    with cluster(tmp_path / "cluster") as dask:
        supervisor = dask.workers(1)
        run = shell.start("run", "--json", more={DASK: dask.address})
        deadline = time.monotonic() + 120
        while not list((shell.home / "objects").glob("??/d1-*")) or not _workers(supervisor):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        first = _workers(supervisor)
        for process in first:
            process.kill()
        out, err = run.communicate(timeout=300)
        assert run.returncode == 0, err
        assert json.loads(out)["success"]
        while not _workers(supervisor) or _workers(supervisor) == first:
            assert time.monotonic() < deadline + 300
            time.sleep(0.1)
    assert shell.json("plan")["run"] == []


def _workers(supervisor: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the processes in which actions run: below the nanny."""
    with contextlib.suppress(psutil.NoSuchProcess):
        nannies = psutil.Process(supervisor.pid).children()
        return [p for n in nannies for p in n.children() if "spawn_main" in " ".join(p.cmdline())]
    return []


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://127.0.0.1:9", "no Dask scheduler answers at tcp://127.0.0.1:9"),
        ("tls://127.0.0.1:9", "are distributed.comm.tls.ca-file and client.cert"),
        ("tcp://192.0.2.7:8786", "is not on this machine and has no TLS"),
        ("scheduler:8786", "wanted tls://HOST:PORT"),
        ("tcp://127.0.0.1", "wanted tls://HOST:PORT"),
    ],
)
def test_a_scheduler_that_cannot_be_used(toy: Toy, address: str, message: str) -> None:
    toy.land("prices", MONTHS[0])
    toy.close()
    shell = Shell(toy.root)
    answer = shell.process("run", code=2, more={DASK: address})
    assert message in answer.err
    assert "Traceback" not in answer.err
    assert shell.json("run", "prices/raw")["success"]


def test_a_scheduler_of_another_version(toy: Toy, tmp_path: Path) -> None:
    toy.land("prices", MONTHS[0])
    toy.close()
    patch = "import distributed.versions as v; v.get_version_from_module = lambda _: '2020.1.0'"
    with cluster(tmp_path / "cluster", patch) as dask:
        _listening(dask)
        answer = Shell(toy.root).process("run", code=2, more={DASK: dask.address})
    assert f"{dask.address} has distributed 2020.1.0, and here it is" in answer.err


def _listening(dask: Cluster) -> None:
    deadline = time.monotonic() + 60
    while "Scheduler at" not in dask.log(0):
        assert time.monotonic() < deadline, dask.log(0)
        time.sleep(0.05)


def test_workers_that_have_other_libraries_are_refused_by_name(toy: Toy, tmp_path: Path) -> None:
    toy.land("prices", MONTHS[0])
    toy.close()
    shell = Shell(toy.root)
    packages = next(Path(p) for p in sys.path if p.endswith("site-packages"))
    without, other = tmp_path / "without", tmp_path / "other"
    for folder in (without, other):
        folder.mkdir()
    for path in packages.iterdir():
        if not path.name.startswith(("ml_assets", "__editable__")):
            (without / path.name).symlink_to(path)
    fake = other / "pandas-1.0.dist-info"
    fake.mkdir()
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: pandas\nVersion: 1.0\n")
    root = str(Path(__file__).parents[2])
    with cluster(tmp_path / "cluster") as dask:
        _listening(dask)
        words = ["-m", "distributed.cli.dask_worker", dask.address, "--nthreads", "1"]
        words += ["--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
        dask.start([sys.executable, "-S", *words], PYTHONPATH=str(without))
        dask.start([sys.executable, *words], PYTHONPATH=os.pathsep.join([str(other), root]))
        deadline = time.monotonic() + 60
        while dask.log(0).count("Register worker") < 2:
            assert time.monotonic() < deadline, [dask.log(n) for n in range(3)]
            time.sleep(0.05)
        answer = shell.process("run", code=2, more={DASK: dask.address})
        assert "can be used: tcp://127.0.0.1:" in answer.err
        assert "ml_assets not installed (wanted 0.1.0)" in answer.err
        assert "pandas 1.0 (wanted " in answer.err
        dask.workers(1)
        while dask.log(0).count("Register worker") < 3:
            assert time.monotonic() < deadline + 60, dask.log(3)
            time.sleep(0.05)
        answer = shell.process("run", "prices/raw", more={DASK: dask.address})
        assert "workers that are not used: tcp://127.0.0.1:" in answer.err


def test_the_project_can_name_the_scheduler(toy: Toy) -> None:
    path = toy.root / "pyproject.toml"
    text = path.read_text()
    assert locate(toy.root, {}).runner == ""
    path.write_text(f"{text}\n[tool.ml_assets]\nrunner = 'tls://scheduler:8786'\n")
    assert locate(toy.root, {}).runner == "tls://scheduler:8786"
    assert locate(toy.root, {DASK: ""}).runner == ""
    path.write_text(f"{text}\n[tool.ml_assets]\nrunners = 3\n")
    with pytest.raises(HomeError, match=r"takes only runner = .*; got runners"):
        locate(toy.root, {})


def test_an_address_is_of_this_machine_or_has_tls() -> None:
    for good in ("tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:1", "tls://far:8786"):
        assert address_of(good) == good
    for wrong in ("tcp://10.0.0.1:8786", "ucx://localhost:1", "tcp://localhost:x", ""):
        with pytest.raises(HomeError):
            address_of(wrong)
