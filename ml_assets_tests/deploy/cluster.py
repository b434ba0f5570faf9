"""What `deploy/kubernetes` says, and what a Kubernetes cluster would take of it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from ml_assets_tests.deploy.parts import DEPLOY

FOLDER = DEPLOY / "kubernetes"
NAMESPACE, RELEASE = "ml-assets", "dagster"
PART = "ml-assets/part"
"""The label by which parts are told apart."""
PLAIN = {"str": str, "int": int, "bool": bool}
CONFIGURATION = client.Configuration()


def listed() -> list[str]:
    """Return the files that `kubectl apply -k` takes."""
    found: list[str] = read("kustomization.yaml")[0]["resources"]
    return found


def read(name: str) -> list[dict[str, Any]]:
    """Return the documents of a file."""
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def documents(kind: str = "") -> list[dict[str, Any]]:
    """Return what `kubectl apply -k` creates, of one kind."""
    made = [document for name in listed() for document in read(name)]
    return [document for document in made if kind in ("", document["kind"])]


def values() -> dict[str, Any]:
    """Return the values for Dagster's chart."""
    return read("dagster-values.yaml")[0]


def code() -> dict[str, Any]:
    """Return the code location of these values."""
    (found,) = values()["dagster-user-deployments"]["deployments"]
    assert isinstance(found, dict)
    return found


def pods() -> dict[str, dict[str, Any]]:
    """Return the pods that our own files describe."""
    found = {}
    for document in documents("Deployment"):
        template = document["spec"]["template"]
        assert document["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]
        found[template["metadata"]["labels"][PART]] = template["spec"]
    return found


def container(name: str) -> dict[str, Any]:
    """Return the only container of one of these pods."""
    (found,) = pods()[name]["containers"]
    assert isinstance(found, dict)
    return found


def typed(document: Any, kind: str, where: str = "") -> Any:
    """Return a document as Kubernetes' own model of it, whose fields and types are its API's.

    An AssertionError or a ValueError says where it is none.
    """
    if several := re.fullmatch(r"list\[(.+)\]", kind):
        assert isinstance(document, list), where
        return [typed(item, several[1], f"{where}[{at}]") for at, item in enumerate(document)]
    if named := re.fullmatch(r"dict[(\[]str, *(.+)[)\]]", kind):
        assert isinstance(document, dict), where
        return {key: typed(item, named[1], f"{where}.{key}") for key, item in document.items()}
    if kind in PLAIN:
        assert type(document) is PLAIN[kind], f"{where}: wanted {kind}, got {document!r}"
        return document
    if kind in ("object", "datetime"):
        return document
    model = getattr(client, kind)
    names = {given: name for name, given in model.attribute_map.items()}
    assert isinstance(document, dict), where
    assert set(document) <= set(names), f"{where}: {sorted(set(document) - set(names))}"
    fields = {
        names[key]: typed(item, model.openapi_types[names[key]], f"{where}.{key}")
        for key, item in document.items()
    }
    return model(**fields, local_vars_configuration=CONFIGURATION)


def lacking(pod: Mapping[str, Any], container: Mapping[str, Any]) -> list[str]:
    """Return what keeps a container from being restricted, with a file system that is only read."""
    of_pod, own = pod.get("securityContext", {}), container.get("securityContext", {})
    needs = {
        "runAsNonRoot": of_pod.get("runAsNonRoot") is True,
        "runAsUser": of_pod.get("runAsUser") == 10001,
        "seccompProfile": of_pod.get("seccompProfile") == {"type": "RuntimeDefault"},
        "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
        "readOnlyRootFilesystem": own.get("readOnlyRootFilesystem") is True,
        "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
        "requests": {"cpu", "memory"} <= set(container["resources"].get("requests", {})),
        "limits": "memory" in container["resources"].get("limits", {}),
    }
    return [name for name, there in needs.items() if not there]


def write_settings(folder: Path) -> None:
    """Write the dagster.yaml that the chart makes of the values, for outside of a cluster.

    It asks the cluster of the folder's `kubeconfig`. Its storage is the folder, too.
    """
    given = values()
    own, daemon = given["runLauncher"]["config"]["k8sRunLauncher"], given["dagsterDaemon"]
    queue = daemon["runCoordinator"]["config"]["queuedRunCoordinator"]
    watched = daemon["runMonitoring"]
    assert own["loadInclusterConfig"] is True
    made = {
        "run_launcher": {
            "module": "dagster_k8s",
            "class": given["runLauncher"]["type"],
            "config": {
                "load_incluster_config": False,
                "kubeconfig_file": str(folder / "kubeconfig"),
                "job_namespace": NAMESPACE,
                "image_pull_policy": own["imagePullPolicy"],
                "service_account_name": RELEASE,
                "dagster_home": given["global"]["dagsterHome"],
                "instance_config_map": f"{RELEASE}-instance",
                "postgres_password_secret": given["global"]["postgresqlSecretName"],
                "security_context": own["securityContext"],
                "run_k8s_config": {
                    "pod_spec_config": own["runK8sConfig"]["podSpecConfig"],
                    "job_spec_config": own["runK8sConfig"]["jobSpecConfig"],
                },
            },
        },
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": daemon["runCoordinator"]["type"],
            "config": {"max_concurrent_runs": queue["maxConcurrentRuns"]},
        },
        "run_monitoring": {
            "enabled": watched["enabled"],
            "start_timeout_seconds": watched["startTimeoutSeconds"],
            "max_resume_run_attempts": watched["maxResumeRunAttempts"],
            "poll_interval_seconds": watched["pollIntervalSeconds"],
        },
        "compute_logs": {
            "module": "dagster.core.storage.noop_compute_log_manager",
            "class": given["computeLogManager"]["type"],
        },
        "telemetry": given["telemetry"],
        **given["additionalInstanceConfig"],
    }
    assert made["local_artifact_storage"]["config"] == {"base_dir": "/tmp"}
    made["local_artifact_storage"]["config"] = {"base_dir": str(folder)}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(made))


def context() -> dict[str, Any]:
    """Return what the chart passes from the code location to its runs."""
    location = code()
    assert location["includeConfigInLaunchedRuns"] == {"enabled": True}
    return {
        "k8s": {
            "image_pull_policy": location["image"]["pullPolicy"],
            "env_config_maps": [one["name"] for one in location["envConfigMaps"]],
            "env_secrets": [one["name"] for one in location["envSecrets"]],
            "env": location["env"],
            "volume_mounts": location["volumeMounts"],
            "volumes": location["volumes"],
            "labels": location["labels"],
            "resources": location["resources"],
            "namespace": NAMESPACE,
        }
    }


class Cluster:
    """An API's side of a cluster: it takes every object and starts nothing."""

    def __init__(self) -> None:
        self.created: list[tuple[str, Any]] = []
        """Path and object, in their order."""

    def create(self, path: str, document: Any) -> None:
        """Take an object."""
        self.created.append((path, document))

    def status(self, job: str) -> dict[str, int]:
        """Return how many pods of a Job are active, failed or succeeded."""
        raise KeyError(job)


@contextmanager
def api(cluster: Cluster, kubeconfig: Path) -> Iterator[None]:
    """Answer for a cluster, at the address that is written into a kubeconfig."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["content-length"])))
            cluster.create(self.path, document)
            self._say(201, document)

        def do_GET(self) -> None:
            if asked := re.fullmatch(r".*/jobs/([^/]+)/status", self.path):
                status = cluster.status(asked[1])
                self._say(200, {"metadata": {"name": asked[1]}, "status": status})
            else:
                self._say(200, {"items": []})

        def _say(self, code: int, document: Any) -> None:
            body = json.dumps(document).encode()
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        kubeconfig.write_text(yaml.safe_dump(_access(f"http://127.0.0.1:{server.server_port}")))
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _access(server: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "here",
    }


def names_in(documents: Sequence[Any], key: str, field: str = "name") -> set[str]:
    """Return the names that references under a key have, at any depth."""
    found = set()
    for document in documents:
        if isinstance(document, list):
            found |= names_in(document, key, field)
        elif isinstance(document, dict):
            for name, value in document.items():
                if name == key:
                    several = value if isinstance(value, list) else [value]
                    found |= {one[field] for one in several if field in one}
                found |= names_in([value], key, field)
    return found
