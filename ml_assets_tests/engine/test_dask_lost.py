"""Actions on a Dask cluster that loses its scheduler for a moment, or an action's process."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from ml_assets.workspace import DASK
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.engine.test_dask import (
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
