"""Actions on a Dask cluster that loses its scheduler or an action's process, or has no memory."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from ml_assets.engine.runners.cluster import connect
from ml_assets.workspace import DASK
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.engine.clusters import (
    LONG,
    cluster,
    made_by_workers,
    objects,
    said,
    wait,
)
from ml_assets_tests.projects import FEATURES, MONTHS, Toy


def test_a_scheduler_that_comes_back_goes_on(toy: Toy, tmp_path: Path) -> None:
    toy.land_all()
    toy.close()
    shell = Shell(toy.root)
    with cluster(tmp_path / "cluster") as dask:
        dask.workers(1)
        # It has imported all it needs, since a run waits ten seconds for it.
        flag = tmp_path / "again"
        port = dask.address.rpartition(":")[2]
        code = "import os, sys, time; from distributed.cli.dask_scheduler import main"
        code += (
            "\nwhile not os.path.exists(sys.argv[-1]): time.sleep(0.05)\ndel sys.argv[-1]; main()"
        )
        words = ["--no-dashboard", "--host", "127.0.0.1", "--port", port, flag]
        dask.start([sys.executable, "-c", code, *words])
        run = shell.start("run", "--json", more={DASK: dask.address})
        landed = objects(shell)
        wait(lambda: objects(shell) > landed + 2)
        dask.processes[0].kill()
        dask.processes[0].wait()
        flag.touch()
        _, err = run.communicate(timeout=LONG)
        assert run.returncode == 0, err
    # Whether the connection or the answer is missed first differs.
    assert re.search("is sent again: the scheduler (was started again|forgot it)", said(shell))
    assert "Traceback" not in said(shell)
    assert made_by_workers(shell) > 10
    assert shell.json("plan")["run"] == []


def test_an_action_whose_process_was_killed_is_sent_again(toy: Toy, tmp_path: Path) -> None:
    """As the kernel kills what takes too much memory."""
    toy.land_all(MONTHS[:2])
    toy.close()
    flag = tmp_path / "killed"
    # Not the run itself, which makes the other month and waits.
    once = f"""    import os, pathlib, signal, sys, time

    flag = pathlib.Path({str(flag)!r})
    if not flag.exists() and "stored_code" in " ".join(sys.argv):
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    while not flag.exists():
        time.sleep(0.05)
    price = price_of(sales, prices)
"""
    toy.edit(FEATURES, "    price = price_of(sales, prices)\n", once)
    shell = Shell(toy.root)
    with cluster(tmp_path / "cluster") as dask:
        dask.workers(1)
        run = shell.start("run", "+forecast/features", "--json", more={DASK: dask.address})
        _, err = run.communicate(timeout=LONG)
        assert run.returncode == 0, err
    assert flag.exists()
    assert re.search(r"forecast/features@\S+ \S+ is sent again: its process on tcp://", said(shell))
    assert "is left to the run" not in said(shell)
    with shell.store() as home:
        assert len(home.records.held(home.env, "forecast/features")) == 2


@pytest.mark.parametrize("there", [False, True])
def test_an_action_that_needs_more_memory_goes_to_a_worker_that_has_it_or_to_the_run(
    toy: Toy, tmp_path: Path, there: bool
) -> None:
    toy.land_all(MONTHS[:2])
    toy.close()
    begun, joined, ended = (tmp_path / name for name in ("begun", "joined", "ended"))
    # The run itself makes the other month, and waits.
    hungry = f"""    import pathlib, sys, time

    def wait(path):
        while not pathlib.Path(path).exists():
            time.sleep(0.05)

    if "stored_code" in " ".join(sys.argv):
        pathlib.Path({str(begun)!r}).touch()
        wait({str(joined)!r})
        held = bytearray(1 << 30)
        time.sleep(2)
    else:
        wait({str(ended)!r})
    price = price_of(sales, prices)
"""
    toy.edit(FEATURES, "    price = price_of(sales, prices)\n", hungry)
    shell = Shell(toy.root)
    with cluster(tmp_path / "cluster") as dask:
        dask.workers(1, "1GiB")
        run = shell.start("run", "+forecast/features", "--json", more={DASK: dask.address})
        wait(begun.exists)
        connected = connect(dask.address)
        if there:
            dask.workers(1, "4GiB")
            wait(lambda: len(connected.usable()) == 2)
        assert len(connected.larger(1 << 30)) == int(there)
        assert connected.larger(8 << 30) == []
        connected.close()
        joined.touch()
        wait(lambda: "forecast/features" in said(shell))
        ended.touch()
        _, err = run.communicate(timeout=LONG)
        assert run.returncode == 0, err
    needed = "more than the Dask worker's memory is needed: "
    assert needed in said(shell)
    assert "and its limit is 1.00 GiB" in said(shell)
    left = "is left to the run: no Dask worker has more memory than 1.00 GiB"
    assert (left in said(shell)) == (not there)
    with shell.store() as home:
        assert len(home.records.held(home.env, "forecast/features")) == 2
