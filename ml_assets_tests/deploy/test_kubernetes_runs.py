"""What Dagster and the service make of `deploy/kubernetes`, without a cluster.

The Job of a run is the one that Dagster's launcher sends to an API that only takes it.
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher.base import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_webserver.app import create_app_from_workspace_process_context

from ml_assets.children.ports import free_port
from ml_assets.engine.ranges import RunSpec
from ml_assets.graph import runs
from ml_assets.store.processes import record_process
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.deploy import cluster
from ml_assets_tests.deploy.cluster import PART, code, container, typed, values
from ml_assets_tests.deploy.parts import process
from ml_assets_tests.prepared import prepared_site

IMAGE = "registry.example.org/ml_assets/app:1"
RUN = "0" * 32


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[tuple[dg.DagsterInstance, list[tuple[str, Any]]]]:
    """Open an instance by the chart's settings; what its launcher sends is in the list."""
    taking = cluster.Cluster()
    with cluster.api(taking, tmp_path / "kubeconfig"):
        cluster.write_settings(tmp_path)
        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            yield instance, taking.created


def test_a_run_is_a_job_as_restricted_as_its_code_location(
    launched: tuple[dg.DagsterInstance, list[tuple[str, Any]]],
) -> None:
    instance, received = launched
    assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_max_resume_run_attempts == 0
    tags = runs.tags(RunSpec("sales", ("sales/raw",), "2020-01", "2020-06"), "f" * 64)
    origin = JobPythonOrigin(
        "materialize",
        RepositoryPythonOrigin(
            sys.executable,
            ModuleCodePointer("ml_assets.definitions", "defs", None),
            container_image=IMAGE,
            container_context=cluster.context(),
        ),
    )
    run = dg.DagsterRun("materialize", RUN, tags=tags, job_code_origin=origin)
    instance.add_run(run)
    instance.run_launcher.launch_run(LaunchRunContext(run, None))
    ((path, job),) = received
    assert path == f"/apis/batch/v1/namespaces/{cluster.NAMESPACE}/jobs"
    typed(job, "V1Job", "job")
    template = job["spec"]["template"]
    pod, (ran,) = template["spec"], template["spec"]["containers"]
    assert cluster.lacking(pod, ran) == []
    assert pod["enableServiceLinks"] is False
    assert ran["image"] == IMAGE
    assert ran["args"][1:5] == ["-m", "dagster", "api", "execute_run"]
    assert template["metadata"]["labels"][PART] == "code"
    assert cluster.names_in([ran["envFrom"]], "configMapRef") == {"ml-assets"}
    assert cluster.names_in([ran["envFrom"]], "secretRef") == {"ml-assets-s3"}
    said = {one["name"]: one for one in ran["env"]}
    asked = {"name": "ml-assets-postgres", "key": "postgresql-password"}
    for name in ("PGPASSWORD", "DAGSTER_PG_PASSWORD"):
        assert said[name]["valueFrom"] == {"secretKeyRef": asked}
    assert said["ML_ASSETS_DAGSTER"]["value"] == "/srv/instance"
    mounted = {one["mountPath"]: one["name"] for one in ran["volumeMounts"]}
    # Dagster's settings come with the command.
    assert mounted == {one["mountPath"]: one["name"] for one in code()["volumeMounts"]}
    volumes = [one["name"] for one in pod["volumes"]]
    assert sorted(volumes) == sorted(set(mounted.values()))
    # Its own tags stay those of the run.
    kept = instance.get_run_by_id(RUN)
    assert kept is not None
    assert tags.items() <= kept.tags.items()


def test_a_run_in_another_pod_is_left_to_those_who_launched_it(
    launched: tuple[dg.DagsterInstance, list[tuple[str, Any]]],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    instance, _ = launched
    monkeypatch.setattr(runs, "SILENT", 0.0)
    with prepared_site(tmp_path_factory, "pods") as site, site.store() as home:
        for number, host in enumerate(("dagster-run-1", "dagster-run-2")):
            run = dg.DagsterRun("materialize", str(number) * 32)
            instance.add_run(run)
            record_process(home, run.run_id, host, 1, time.time())
        runs.fail_dead(instance, home)
        assert sorted(runs.in_progress(instance)) == ["0" * 32, "1" * 32]
        # Where nobody else can tell, it counts as dead.
        with site.dagster() as plain:
            plain.add_run(dg.DagsterRun("materialize", "0" * 32))
            runs.fail_dead(plain, home)
            assert runs.in_progress(plain) == []


def test_probes_of_the_pages_are_routes_of_dagster(
    launched: tuple[dg.DagsterInstance, list[tuple[str, Any]]],
) -> None:
    web = values()["dagsterWebserver"]
    with WorkspaceProcessContext(launched[0], EmptyWorkspaceTarget()) as workspace:
        app = create_app_from_workspace_process_context(workspace)
        paths = {getattr(route, "path", "") for route in app.routes}
    for kind in ("readinessProbe", "livenessProbe", "startupProbe"):
        asked = web[kind]["httpGet"]
        assert asked["path"] in paths
        assert asked["port"] == web["service"]["port"]
    for kind in ("livenessProbe", "startupProbe"):
        assert code()[kind]["exec"]["command"][-1] == f"</dev/tcp/127.0.0.1/{code()['port']}"
    # The chart would pass `enabled` on to Kubernetes beside a command.
    assert "exec" not in code()["readinessProbe"]


def test_probes_are_answered_by_the_service(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    spec, port = container("predictions"), free_port()
    (given,) = spec["ports"]
    words = [word.replace(str(given["containerPort"]), str(port)) for word in spec["command"]]
    paths = {kind: spec[kind]["httpGet"] for kind in spec if kind.endswith("Probe")}
    assert {probe["port"] for probe in paths.values()} == {given["name"]}
    assert {kind: probe["path"] for kind, probe in paths.items()} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    with prepared_site(tmp_path_factory, "probes") as site:
        words[0] = str(Path(sys.executable).parent / words[0])
        log = tmp_path / "log"
        with process(words, log, _environ(site), site.root) as server:
            for probe in paths.values():
                assert _answer(f"http://127.0.0.1:{port}{probe['path']}", server, log) == 200


def _environ(site: Site) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return {
        **site.environ(),
        "PATH": path,
        "PYTHONPATH": str(site.root),
        "PYTHONWARNINGS": "ignore",
    }


def _answer(url: str, server: subprocess.Popen[bytes], log: Path) -> int:
    """Return the status of an answer; a kubelet asks by the address of the pod."""
    request = urllib.request.Request(url, headers={"Host": "10.1.2.3:8000"})
    deadline = time.monotonic() + 120
    while True:
        try:
            with closing(urllib.request.urlopen(request, timeout=5)) as answer:
                return int(answer.status)
        except OSError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
