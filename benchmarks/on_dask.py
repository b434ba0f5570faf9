"""Many small batches on Dask workers, beside the same run without a cluster.

    python -m benchmarks.on_dask [--days 500] [--workers 3]

Every 40th flight and the weather of so many days, landed at once in two homes. One run makes its
actions by itself, the other sends them to a scheduler and workers on this machine. The digests of
all versions are compared; those of releases, which hold their home's entry of the promotion log,
are not.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.processes import tell
from benchmarks.run import Bench
from benchmarks.scale import DAY, measured, small
from ml_assets.store.home import Home
from ml_assets.workspace import DASK
from ml_assets_tests.engine.clusters import Cluster, cluster


def digests(home: Path) -> dict[tuple[str, str], str]:
    """Return the current digest of every cell, without those of releases."""
    store = Home(home, "dev")
    held = store.records.all_current(store.env)
    store.close()
    return {at: current.digest for at, current in held.items() if "/release" not in at[0]}


def cpu(dask: Cluster) -> float:
    """Return the CPU seconds of the cluster's processes so far."""
    total = 0.0
    for process in dask.processes:
        here = psutil.Process(process.pid)
        for one in [here, *here.children(recursive=True)]:
            used = one.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total


def main() -> None:
    """Measure, compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=500)
    parser.add_argument("--workers", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        homes = {name: bench.folder / name for name in ("alone", "dask")}
        for home in homes.values():
            days = small(bench, home, given.days, DAY)
        time.sleep(5)  # a file must lie still for some seconds before it is taken
        done, cost = measured(bench, homes["alone"])
        tell(f"{days} days alone: {len(done['executed'])} cells, {cost.seconds:.0f} s, ")
        tell(f"  CPU {cost.cpu:.0f} s, largest process {cost.memory:.0f} MB")
        with cluster(Path(folder) / "cluster") as dask:
            dask.workers(given.workers)
            os.environ[DASK] = dask.address
            done, cost = measured(bench, homes["dask"])
            theirs = cpu(dask)
        tell(f"{days} days, {given.workers} workers: {len(done['executed'])} cells, ")
        tell(f"  {cost.seconds:.0f} s, CPU {cost.cpu:.0f} s and {theirs:.0f} s of the cluster")
        (log,) = homes["dask"].glob("environments/*/logs/workers.log")
        for line in log.read_text().splitlines():
            if "workers made" in line or "left to the run" in line:
                tell(f"  {line}")
        alone, there = digests(homes["alone"]), digests(homes["dask"])
        same = sum(there.get(at) == digest for at, digest in alone.items())
        tell(f"{same} of {len(alone)} cells have the same digest")
        if alone != there:
            raise SystemExit("the digests differ")


if __name__ == "__main__":
    main()
