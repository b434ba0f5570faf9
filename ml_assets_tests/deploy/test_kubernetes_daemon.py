"""Runs as Jobs under the real daemon: a process with a host name of its own stands for each pod."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import select

from ml_assets.graph.settings import OWN
from ml_assets.store.state import processes
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.deploy import cluster
from ml_assets_tests.graph.daemon import running
from ml_assets_tests.prepared import prepared_site
from ml_assets_tests.processes import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0, reason="only root can give a process a host name of its own"
    ),
]


class Kubelet(cluster.Cluster):
    """Starts the container of each Job as a process."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site
        self.pods: dict[str, subprocess.Popen[bytes]] = {}

    def create(self, path: str, document: Any) -> None:
        """Take a Job and start it."""
        super().create(path, document)
        name = document["metadata"]["name"]
        (ran,) = document["spec"]["template"]["spec"]["containers"]
        words = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name, *ran["args"]]
        environ = {**self.site.environ(), "PYTHONPATH": f"{ROOT}:{self.site.root}"}
        environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
        with (self.site.root / "pods.log").open("ab") as log:
            self.pods[name] = subprocess.Popen(
                words,
                cwd=self.site.root,
                env={**environ, "PYTHONWARNINGS": "ignore"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def status(self, job: str) -> dict[str, int]:
        """Return how the pod of a Job is."""
        code = self.pods[job].poll()
        return {"active": 1} if code is None else {"failed" if code else "succeeded": 1}

    def kill(self, job: str) -> None:
        """Kill a pod with all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pods[job].pid, signal.SIGKILL)
        self.pods[job].wait(30)

    def end(self) -> None:
        """Kill all pods."""
        for job in self.pods:
            self.kill(job)


def test_a_pod_makes_a_run_and_one_that_is_killed_is_followed_by_another(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    with prepared_site(tmp_path_factory, "kubelet") as site, ExitStack() as stack:
        kubelet = Kubelet(site)
        stack.callback(kubelet.end)
        with cluster.api(kubelet, tmp_path / "kubeconfig"):
            cluster.write_settings(tmp_path)
            passed_on = {"DAGSTER_CONTAINER_CONTEXT": json.dumps(cluster.context())}
            site.more |= {OWN: str(tmp_path), "DAGSTER_CURRENT_IMAGE": "app:1", **passed_on}
            with running(site) as daemon:
                daemon.settled(0.0)
                for dataset in ("sales", "prices"):
                    site.toy.land(dataset, "2020-07")
                (first,) = daemon.until(daemon.runs)
                daemon.until(lambda: daemon.runs()[0].status == dg.DagsterRunStatus.STARTED)
                kubelet.kill(f"dagster-run-{first.run_id}")
                ended = daemon.ended(2)
                assert [run.status.value for run in ended] == ["FAILURE", "SUCCESS"], (
                    site.root / "pods.log"
                ).read_text()
                said = [event.message for event in daemon.instance.all_logs(first.run_id)]
        jobs = [document["metadata"]["name"] for _, document in kubelet.created]
        assert jobs == [f"dagster-run-{run.run_id}" for run in ended]
        # Dagster's monitoring saw that it is gone; the sensor did not guess.
        assert any("Detected run worker status" in message for message in said)
        with site.store() as home, home.state.read() as db:
            hosts = dict(db.execute(select(processes.c.run_id, processes.c.host)).all())
        assert hosts[ended[1].run_id] == jobs[1]
        assert "sales/cleaned@2020-07" in site.digests()
        site.more.clear()
        assert site.json("run")["executed"] == []
