"""`deploy/kubernetes` is valid, restricted, and runs what compose.yaml runs.

There is no cluster here: documents are compared with the models of Kubernetes' own client.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import process_config
from dagster_postgres.run_storage import PostgresRunStorage
from dask.utils import parse_bytes

from ml_assets_tests.deploy import cluster
from ml_assets_tests.deploy.cluster import PART, code, container, documents, pods, typed, values
from ml_assets_tests.deploy.parts import DEPLOY, filled, services
from ml_assets_tests.processes import ROOT

KINDS = {
    "Namespace": "V1Namespace",
    "ConfigMap": "V1ConfigMap",
    "PersistentVolumeClaim": "V1PersistentVolumeClaim",
    "Deployment": "V1Deployment",
    "Service": "V1Service",
    "PodDisruptionBudget": "V1PodDisruptionBudget",
    "NetworkPolicy": "V1NetworkPolicy",
}
OF_CHART = {"code", "webserver", "daemon"}
SECRETS = {"dask", "postgres", "s3", "tls", "users"}


def environment(name: str = "ml-assets") -> dict[str, str]:
    (found,) = (one for one in documents("ConfigMap") if one["metadata"]["name"] == name)
    said: dict[str, str] = found["data"]
    return said


def parts_of_chart() -> list[dict[str, Any]]:
    return [code(), values()["dagsterWebserver"], values()["dagsterDaemon"]]


def test_every_document_is_one_of_kubernetes() -> None:
    for document in documents():
        typed(document, KINDS[document["kind"]], document["metadata"]["name"])
    assert {document["kind"] for document in documents()} == set(KINDS)
    # The last needs a kind that a cluster may lack.
    files = {path.name for path in cluster.FOLDER.iterdir()}
    left = files - {"kustomization.yaml", *cluster.listed()}
    assert left == {"dagster-values.yaml", "servicemonitor.yaml"}
    # What is wrong is found.
    spec = container("predictions")
    for wrong in ({"image": 1}, {"imagePullPolice": "Always"}, {"name": None}):
        with pytest.raises((AssertionError, ValueError)):
            typed({**spec, **wrong}, "V1Container")


def test_what_the_chart_passes_on_is_of_kubernetes() -> None:
    for part in parts_of_chart():
        typed(part["podSecurityContext"], "V1PodSecurityContext")
        typed(part["securityContext"], "V1SecurityContext")
        typed(part["resources"], "V1ResourceRequirements")
        typed(part["volumes"], "list[V1Volume]")
        typed(part["volumeMounts"], "list[V1VolumeMount]")
        typed(part.get("env", []), "list[V1EnvVar]")
        for kind in ("readinessProbe", "livenessProbe", "startupProbe"):
            probe = {key: item for key, item in part.get(kind, {}).items() if key != "enabled"}
            typed(probe, "V1Probe")


def test_no_container_may_do_more_than_it_needs() -> None:
    (namespace,) = documents("Namespace")
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    for name, pod in pods().items():
        assert cluster.lacking(pod, container(name)) == [], name
        assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
        kept = {one["name"]: one["mountPath"] for one in container(name)["volumeMounts"]}
        assert kept["tmp"] == "/tmp"
    for part in parts_of_chart():
        pod = {"securityContext": part["podSecurityContext"]}
        assert cluster.lacking(pod, part) == []
        assert {"name": "tmp", "mountPath": "/tmp"} in part["volumeMounts"]
    # What waits before the webserver or the daemon begins has their rights.
    for part in parts_of_chart()[1:]:
        pod = {"securityContext": part["podSecurityContext"]}
        waits = {**part, "resources": part["initContainerResources"]}
        assert cluster.lacking(pod, waits) == []


def test_commands_are_those_of_compose() -> None:
    def composed(name: str) -> list[str]:
        return [filled(word, {}) for word in services()[name]["command"]]

    for name in ("scheduler", "predictions", "mlflow", "proxy"):
        words = [word.strip() for word in container(name)["command"]]
        assert words == [word.strip() for word in composed(name)]
    # A pod is one process, and what Kubernetes starts again.
    own = ["1", "--memory", "3.5GiB", "--once"]
    assert container("worker")["command"] == [*composed("worker")[:-1], *own]
    # An action that needs more is ended before its pod is.
    assert parse_bytes(own[2]) < parse_bytes(container("worker")["resources"]["limits"]["memory"])
    assert set(pods()) | OF_CHART | {"viewer"} == set(services()) - {"postgres", "s3"}
    start = ["dagster", "code-server", "start", "-h", "0.0.0.0", "-p", str(code()["port"])]
    assert [*start, *code()["codeServerArgs"]] == composed("code")
    (server,) = values()["dagsterWebserver"]["workspace"]["servers"]
    (known,) = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    renamed = {"host": server["host"], "port": server["port"], "location_name": server["name"]}
    assert renamed == known["grpc_server"]
    assert (server["host"], server["port"]) == (code()["name"], code()["port"])


def test_commands_know_their_options() -> None:
    chart = ["-h", "-p", "-w"]
    options = {
        ("dagster", "code-server", "start"): ["-h", "-p", "-m"],
        ("dagster-webserver",): [*chart, "--read-only"],
        tuple(values()["dagsterDaemon"]["livenessProbe"]["exec"]["command"]): [],
        ("ml-assets", "worker"): container("worker")["command"],
        ("ml-assets", "serve"): container("predictions")["command"],
        ("dask", "scheduler"): container("scheduler")["command"],
    }
    for words, used in options.items():
        said = subprocess.run(
            [str(Path(sys.executable).parent / words[0]), *words[1:], "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={"COLUMNS": "200", "PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "ignore"},
        ).stdout
        known = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", said))
        assert {word for word in used if word.startswith("-")} <= known, words


def test_the_environment_is_that_of_compose_and_is_read() -> None:
    here = environment()
    composed = {key: filled(value, {}) for key, value in services()["code"]["environment"].items()}
    # Dagster's database is in the chart's values, and MLflow and the proxy ask for the domain.
    assert set(here) == set(composed) - {"DAGSTER_POSTGRES_URL"} | {"DOMAIN"}
    elsewhere = {"DOMAIN", "ML_ASSETS_STATE", "ML_ASSETS_MLFLOW_URL", "AWS_ENDPOINT_URL"}
    assert {key: here[key] for key in set(here) - elsewhere} == {
        key: composed[key] for key in set(here) - elsewhere
    }
    assert here["ML_ASSETS_MLFLOW_URL"] == f"https://mlflow.{here['DOMAIN']}"
    scheduler = services()["scheduler"]["environment"]
    assert environment("ml-assets-dask") == scheduler
    sources = "".join(path.read_text() for path in (ROOT / "ml_assets").rglob("*.py"))
    read = set(re.findall(r"\bML_ASSETS_[A-Z_]+", sources))
    named = {*here, *cluster.names_in([code(), *pods().values()], "env")}
    assert {name for name in named if name.startswith("ML_ASSETS_")} <= read


def test_secrets_are_named_and_in_no_file() -> None:
    assert documents("Secret") == []
    used = [*pods().values(), values()]
    named = cluster.names_in(used, "secretRef") | cluster.names_in(used, "secretKeyRef")
    named |= cluster.names_in(used, "secret", "secretName") | cluster.names_in(used, "envSecrets")
    assert named == {f"ml-assets-{name}" for name in SECRETS}
    assert values()["global"]["postgresqlSecretName"] in named
    guide = (ROOT / "docs" / "how-to" / "deploy.md").read_text()
    for name in SECRETS:
        assert re.search(rf"^kubectl create secret \w+ ml-assets-{name} ", guide, re.M), name
    maps = cluster.names_in(used, "configMapRef") | cluster.names_in(used, "configMapKeyRef")
    maps |= cluster.names_in(used, "envConfigMaps") | cluster.names_in(used, "configMap")
    mine = {one["metadata"]["name"] for one in documents("ConfigMap")}
    assert maps == mine | {"dagster-instance"}
    (home,) = documents("PersistentVolumeClaim")
    claims = cluster.names_in(used, "persistentVolumeClaim", "claimName")
    assert claims == {home["metadata"]["name"]}
    # No password has a value.
    assert values()["postgresql"]["postgresqlPassword"] == ""
    text = "".join(path.read_text() for path in cluster.FOLDER.iterdir())
    assert re.findall(r"//[^/@\s]*:[^/@\s]+@|(?i:password|secret_access_key): +\w", text) == []


def test_services_lead_to_pods_and_the_proxy_to_services() -> None:
    ports = {}
    for service in documents("Service"):
        name = service["metadata"]["name"]
        assert service["spec"]["selector"] == {PART: name}
        open_ = {port["name"] for port in container(name)["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= open_
        ports[name] = [port["port"] for port in service["spec"]["ports"]]
        exposed = service["spec"].get("type", "ClusterIP") != "ClusterIP"
        assert exposed == (name == "proxy")
    assert set(ports) == {"scheduler", "predictions", "mlflow", "proxy"}
    web = values()["dagsterWebserver"]
    base = f"{cluster.RELEASE}-{web['nameOverride']}"
    said = {one["name"]: one.get("value") for one in container("proxy")["env"]}
    assert said["DAGSTER"] == f"{base}:{web['service']['port']}"
    assert said["VIEWER"] == f"{base}-read-only:{web['service']['port']}"
    assert web["enableReadOnly"] is True
    # The others are where the Caddyfile looks for them.
    asked = dict(re.findall(r"\{\$(\w+):(\w+:\d+)\}", (DEPLOY / "Caddyfile").read_text()))
    assert asked["MLFLOW"] == f"mlflow:{ports['mlflow'][0]}"
    assert asked["PREDICTIONS"] == f"predictions:{ports['predictions'][0]}"
    (budget,) = documents("PodDisruptionBudget")
    assert budget["spec"]["selector"]["matchLabels"] == {PART: "predictions"}
    (monitor,) = cluster.read("servicemonitor.yaml")
    (predictions,) = (one for one in documents("Service") if "labels" in one["metadata"])
    assert monitor["spec"]["selector"]["matchLabels"] == predictions["metadata"]["labels"]
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] == predictions["spec"]["ports"][0]["name"]


def test_each_part_is_reached_by_those_who_need_it_alone() -> None:
    reached = {}
    for policy in documents("NetworkPolicy"):
        spec = policy["spec"]
        assert "Ingress" in spec["policyTypes"]
        if spec["podSelector"] == {}:
            assert "ingress" not in spec
            continue
        (rule,) = spec["ingress"]
        by = {
            name
            for peer in rule.get("from", [])
            for selected in [peer.get("podSelector", {})]
            for name in [
                *selected.get("matchLabels", {}).values(),
                *(one for term in selected.get("matchExpressions", []) for one in term["values"]),
            ]
        }
        open_ = [port["port"] for port in rule.get("ports", [])]
        reached[spec["podSelector"]["matchLabels"][PART]] = (by, open_)
    assert reached == {
        "proxy": (set(), [8443, 8080]),
        "webserver": ({"proxy"}, [3000]),
        "code": ({"webserver", "daemon"}, [4000]),
        "mlflow": ({"proxy", "code"}, [5000]),
        "predictions": ({"proxy"}, [8000]),
        "scheduler": ({"worker", "code"}, [8786]),
        "worker": ({"worker", "scheduler"}, []),
    }
    for name, part in zip(("code", "webserver", "daemon"), parts_of_chart(), strict=True):
        assert part["labels"] == {PART: name}
    assert set(reached) | {"daemon"} == set(pods()) | OF_CHART


def test_images_are_ours_and_can_be_given_by_digest() -> None:
    (custom,) = cluster.read("kustomization.yaml")
    named = {one["name"]: f"{one['newName']}:{one['newTag']}" for one in custom["images"]}
    assert {container(name)["image"] for name in pods()} == set(named) == {"app", "proxy"}
    assert custom["namespace"] == documents("Namespace")[0]["metadata"]["name"]
    for part in parts_of_chart():
        assert f"{part['image']['repository']}:{part['image']['tag']}" == named["app"]


def test_the_chart_has_the_database_and_the_version_of_the_lock() -> None:
    given = values()["postgresql"]
    assert given["enabled"] is False
    answer = process_config(
        PostgresRunStorage.config_type(),
        {
            "postgres_db": {
                "username": given["postgresqlUsername"],
                "password": {"env": "HOME"},
                "hostname": given["postgresqlHost"],
                "db_name": given["postgresqlDatabase"],
                "port": given["service"]["port"],
                "params": given["postgresqlParams"],
            }
        },
    )
    assert answer.success, answer.errors
    locked = re.search(r"^dagster==(\S+)", (ROOT / "requirements" / "base.txt").read_text(), re.M)
    assert locked
    for path in (cluster.FOLDER / "dagster-values.yaml", ROOT / "docs" / "how-to" / "deploy.md"):
        assert f"--version {locked[1]} " in path.read_text()
