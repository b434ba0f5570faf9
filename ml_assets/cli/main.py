"""The `ml-assets` command; modules are imported only when a command needs them."""

from __future__ import annotations

import atexit
import gc

import typer

from ml_assets.cli.lazy import LazyGroup

MODULES = {
    "init": "init",
    "demo": "demo",
    "up": "demo",
    "land": "data",
    "pull": "data",
    "withdraw": "data",
    "repin": "data",
    "run": "run",
    "plan": "inspect",
    "why": "inspect",
    "versions": "inspect",
    "diff": "diff",
    "lineage": "lineage",
    "trace": "trace",
    "audit": "audit",
    "report": "report",
    "quarantine": "data",
    "propose": "propose",
    "status": "inspect",
    "alerts": "alerts",
    "champion": "promotions",
    "history": "promotions",
    "promote": "promotions",
    "rollback": "promotions",
    "policy": "policy",
    "replay": "replay",
    "trial": "trial",
    "pause": "data",
    "resume": "data",
    "repair": "repair",
    "experiment": "experiment",
    "release": "release",
    "verify": "release",
    "score": "score",
    "serve": "serve",
    "worker": "worker",
    "recreate": "recreate",
    "compare": "compare",
    "gc": "collect",
    "forget": "forget",
    "pseudonyms": "pseudonyms",
    "contract": "contract",
    "statistics": "dummy",
    "dummy": "dummy",
    "new": "new",
    "keys": "keys",
    "requests": "requests",
    "federated": "federated",
}
"""The module of each command, in the order of the help."""
GROUPS = {
    "new": "Write a spec from data, for a person to correct.",
    "keys": "Access keys of an environment's prediction service.",
    "requests": "What the service was asked.",
    "pseudonyms": "Sensitive columns of which only pseudonyms are stored.",
    "trial": "A challenger on trial beside the champion.",
    "federated": "Sites learn one model together; no row leaves its site.",
}


class _Commands(LazyGroup):
    modules = MODULES
    groups = GROUPS


app = typer.Typer(
    name="ml-assets",
    cls=_Commands,
    help="Continuous training of tabular models: what changed runs, nothing else.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def _group() -> None:
    return


# At exit, Python would otherwise traverse every imported object once more.
atexit.register(gc.freeze)

if __name__ == "__main__":
    app()
