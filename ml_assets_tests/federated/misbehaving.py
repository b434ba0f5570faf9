"""Rounds with real processes in which some sites do not do as they should."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ml_assets.children.ports import free_port
from ml_assets.engine.plan import Planner
from ml_assets.federated import flower, rounds, site
from ml_assets.federated.site import federation

CALLED = """
import json, os, signal, sys, time
import numpy as np
from flwr.app import ArrayRecord
from flwr.clientapp.client_app import ClientApp
usual = ClientApp.__call__

def called(app, message, context):
    configs = message.content.config_records
    number = configs["config"].get("server-round", 0) if "config" in configs else 0
    stage = configs["secaggplus_configs"]["stage"] if "secaggplus_configs" in configs else ""
    kind = message.metadata.message_type
    folder = context.node_config["folder"]
    answer = lambda: usual(app, message, context)
{}

ClientApp.__call__ = called
sys.argv[0] = "flwr-clientapp"
from flwr.supernode.cli import flwr_clientapp
flwr_clientapp()
"""
TREES = """\
    found = answer()
    if kind == "train":
        text = found.content["arrays"]["0"].numpy().tobytes()
        trees = json.loads(text)
        {}
        text = json.dumps(trees).encode()
        found.content["arrays"] = ArrayRecord([np.frombuffer(text, dtype=np.uint8)])
    return found"""
NAN_THEN_HUGE = TREES.format(
    "scale = float('nan') if number == 1 else 1e9\n"
    "        trees[0]['leaf'] = [value * scale for value in trees[0]['leaf']]"
)
SHAPE = TREES.format("trees[0]['left'][0] = -5")
OTHER_VERSION = "0" * 64
"""Instead of what it does: the digest of the program that a site has."""


def when(condition: str, do: str, then: str = "    return answer()") -> str:
    """Return a site that does something before it answers, in some cases."""
    return f"    if {condition}:\n        {do}\n{then}"


LATE = "time.sleep({})"
GONE = "os.killpg(0, signal.SIGKILL)"
NO = "open(os.path.join(folder, 'stop'), 'w').write('our lawyers called')"


def conducted(planner: Planner, model: str, sites: Mapping[str, str]) -> dict[str, Any]:
    """Return the result of rounds in which these sites do something else."""
    names = federation(planner, model).sites
    center = flower.ready(planner.home.root / "federated" / model / "coordinator")
    own = flower.digest_of(center)
    with ExitStack() as running:
        folders, keys = {}, {}
        for name in names:
            folders[name] = site.folder_of(planner, model, name)
            site.prepare(planner, model, name)
            keys[name] = rounds.key_of(flower.ready(folders[name] / "flower"), folders[name])
        address = running.enter_context(rounds.coordinator(center, "127.0.0.1", free_port(), keys))
        for name, folder in folders.items():
            node = flower.ready(folder / "flower")
            digest = OTHER_VERSION if sites.get(name) == OTHER_VERSION else own
            if name in sites and digest == own:
                _instead(node, sites[name])
            running.enter_context(rounds.node(node, folder, address, digest))
        return rounds.conduct(center, rounds.asked(planner, model), print)


def _instead(node: flower.Flower, body: str) -> None:
    program = node.folder / "instead.py"
    program.write_text(CALLED.format(body))
    command = node.folder / "bin" / "flwr-clientapp"
    command.write_text(f'#!/bin/sh\nexec "{node.python}" -I "{program}" "$@"\n')


def log_of(planner: Planner, model: str, name: str) -> str:
    """Return what a site's node printed."""
    folder: Path = site.folder_of(planner, model, name)
    return (folder / "flower" / "node.log").read_text()
