"""Running rounds: a coordinator's SuperLink, and a node for each site.

    coordinator's folder        what Flower keeps, keys and certificates, asked.json, result.json
    site's folder               `site` says; `flower/` in it is what Flower keeps there

Belongs here: which process is started when, waiting for the result. Does not belong here: Flower's
environment (`flower`), what the processes say to each other (`app`).
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_assets.children.ports import free_port
from ml_assets.engine.plan import Planner
from ml_assets.errors import RequestError
from ml_assets.federated import flower as flowers
from ml_assets.federated.flower import Flower
from ml_assets.federated.site import contract, federation

Tell = Callable[[str], None]
CONNECTION = "rounds"
STARTING = 60.0
"""Seconds in which a SuperLink listens."""
STAGES = 4
"""Questions in a round of secure aggregation."""
LOOK = 30.0
"""Seconds between looks at whether the coordinator's program still runs; each takes two."""


@dataclass(frozen=True)
class Address:
    """Where a coordinator listens, and the authority by which sites know it."""

    host: str
    port: int
    authority: Path


def asked(planner: Planner, model: str) -> dict[str, Any]:
    """Return what a coordinator's own spec says of the rounds of a model."""
    federated = federation(planner, model)
    plain = federated.model_dump(mode="json")
    names = ("sites", "least_rows", "differing", "learner", "rounds", "trees", "learning_rate")
    more = ("num_leaves", "lambda_l2", "wait", "privacy", "secure_aggregation")
    return {
        "model": model,
        "contract": contract(planner, model),
        **{name: plain[name] for name in (*names, *more)},
    }


@contextmanager
def coordinator(
    flower: Flower, host: str, port: int, public_keys: Mapping[str, str]
) -> Iterator[Address]:
    """Run a SuperLink that only sites with these public keys can speak to.

    Raises RequestError if it does not start.
    """
    keys = flower.folder
    flower.run(
        flower.program("keys", "coordinator", str(keys), *dict.fromkeys([host, "127.0.0.1"]))
    )
    options = [
        *("--ssl-ca-certfile", str(keys / "ca.crt")),
        *("--ssl-certfile", str(keys / "server.crt")),
        *("--ssl-keyfile", str(keys / "server.key")),
        "--enable-supernode-auth",
        "--disable-runtime-dependency-installation",
        *("--host", host, "--port", str(port)),
    ]
    log = flower.folder / "superlink.log"
    link = flower.start(flower.command("flower-superlink", *options), log)
    try:
        _listening(link, "127.0.0.1" if host == "0.0.0.0" else host, port, log)
        connection = {"address": f"{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"}
        (flower.folder / "config.toml").write_text(
            f'[superlink]\ndefault = "{CONNECTION}"\n\n[superlink.{CONNECTION}]\n'
            f'address = "{connection["address"]}"\nroot-certificates = "{keys / "ca.crt"}"\n',
            encoding="utf-8",
        )
        for site, public in public_keys.items():
            path = flower.folder / f"{site}.pub"
            path.write_text(public, encoding="utf-8")
            flower.run(flower.command("flwr", "supernode", "register", str(path), CONNECTION))
        yield Address(host, port, keys / "ca.crt")
    finally:
        flowers.end(link)


def _listening(link: subprocess.Popen[bytes], host: str, port: int, log: Path) -> None:
    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        if link.poll() is not None:
            break
        try:
            socket.create_connection((host, port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RequestError(f"the coordinator does not listen on {host}:{port}:\n{last_of(log)}")


def last_of(log: Path, lines: int = 5) -> str:
    """Return the last lines of a log."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def conduct(flower: Flower, question: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Run the rounds of a coordinator that listens; return their result.

    Raises RequestError, with the reasons by site, if there is no model.
    """
    result = flower.folder / "result.json"
    for old in (result, flower.folder / "progress.jsonl"):
        old.unlink(missing_ok=True)
    (flower.folder / "asked.json").write_text(json.dumps(question), encoding="utf-8")
    app = flowers.app_of(flower)
    where = json.dumps(str(flower.folder))
    command = flower.command("flwr", "run", str(app), CONNECTION, "--run-config", f"folder={where}")
    flower.run(command)
    # Each question may take as long as a site is waited for.
    questions = question["rounds"] * (STAGES if question["secure_aggregation"] else 1) + 4
    until = time.monotonic() + question["wait"] * questions + STARTING
    told, look = 0, time.monotonic() + LOOK
    while not result.exists() and time.monotonic() < until:
        told = _tell(flower.folder / "progress.jsonl", told, tell)
        time.sleep(0.2)
        if time.monotonic() > look:
            if _over(flower):
                break
            look = time.monotonic() + LOOK
    _tell(flower.folder / "progress.jsonl", told, tell)
    if not result.exists():
        raise RequestError(
            f"the rounds did not end:\n{last_of(flower.folder / 'superlink.log', 15)}"
        )
    found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    if "problems" in found:
        raise RequestError(
            "\n".join(["there is no model of these sites", *_indented(found)]), sites=found["sites"]
        )
    return found


def _over(flower: Flower) -> bool:
    """Tell whether the coordinator's program has ended, if only since it was killed."""
    said = json.loads(flower.run(flower.command("flwr", "list", CONNECTION, "--format", "json")))
    return all(run["status"].startswith("finished") for run in said["runs"])


def _indented(found: Mapping[str, Any]) -> list[str]:
    return [f"  {line}" for line in found["problems"]]


def _tell(path: Path, told: int, tell: Tell) -> int:
    if not path.exists():
        return told
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in lines[told:]:
        tell(json.loads(line)["said"])
    return len(lines)


def key_of(flower: Flower, folder: Path) -> str:
    """Return a site's public key, which is made if there is none."""
    flower.run(flower.program("keys", "site", str(folder)))
    return (folder / "node.pub").read_text(encoding="utf-8")


@contextmanager
def node(
    flower: Flower, folder: Path, address: Address, digest: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the node of a site whose folder is prepared, with a key.

    It runs the program with this digest alone, whatever the coordinator sends.
    """
    config = f'folder="{folder}"'
    options = [
        *("--root-certificates", str(address.authority)),
        *("--superlink", f"{address.host}:{address.port}"),
        *("--auth-supernode-private-key", str(folder / "node.key")),
        *("--node-config", config, "--port", str(free_port())),
    ]
    process = flower.start(flower.program("node", digest, *options), flower.folder / "node.log")
    try:
        yield process
    finally:
        flowers.end(process)
