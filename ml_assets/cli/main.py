"""The `ml-assets` command; modules are imported only when a command needs them."""

from __future__ import annotations

import atexit
import gc

import typer

from ml_assets.cli import (
    collect,
    compare,
    contract,
    data,
    demo,
    diff,
    experiment,
    forget,
    init,
    lineage,
    look,
    new,
    promotions,
    propose,
    recreate,
    release,
    repair,
    report,
    requests,
    run,
    score,
    serve,
)

app = typer.Typer(
    name="ml-assets",
    help="Continuous training of tabular models: what changed runs, nothing else.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (
    init.init,
    demo.demo,
    demo.up,
    data.land,
    data.withdraw,
    data.repin,
    run.run,
    look.plan,
    look.why,
    look.versions,
    diff.diff,
    lineage.lineage,
    report.report,
    data.quarantine,
    propose.propose,
    look.status,
    promotions.champion,
    promotions.history,
    promotions.promote,
    promotions.rollback,
    data.pause,
    data.resume,
    repair.repair,
    experiment.experiment,
    release.release,
    release.verify,
    score.score,
    serve.serve,
    recreate.recreate,
    compare.compare,
    collect.gc,
    forget.forget,
    contract.contract,
):
    app.command()(command)
app.add_typer(new.app)
app.add_typer(requests.app)

# At exit, Python would otherwise traverse every imported object once more.
atexit.register(gc.freeze)

if __name__ == "__main__":
    app()
