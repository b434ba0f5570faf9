"""demo --federated: three airports as sites, each with a home that holds its own flights alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.csv

from ml_assets.cli.console import err, out, styled
from ml_assets.cli.sample_files import HELD_BACK, sample_files
from ml_assets.engine.landing import land
from ml_assets.engine.plan import Planner
from ml_assets.errors import RequestError
from ml_assets.workspace import child_environment

MODEL = "flight_delay"
OF_AIRPORTS = ("flights", "weather")
"""What is divided by the column `origin`; planes fly everywhere."""


def run(planner: Planner) -> dict[str, Any]:
    """Make each airport's home, learn in rounds, and let each judge the model; return all.

    Raises RequestError if the folds of an airport cannot be made.
    """
    from ml_assets.cli.federated import ended_by_signal
    from ml_assets.federated import here
    from ml_assets.federated.site import federation

    ended_by_signal()
    sites = federation(planner, MODEL).sites
    folder = planner.home.root.with_name(f"{planner.home.root.name}-sites")
    files = sample_files(planner)
    homes: dict[str, Planner] = {}
    try:
        for site in sites:
            workspace = replace(planner.workspace, home=folder / site, state="", objects="")
            homes[site] = Planner(workspace, workspace.open_home(), planner.project)
            _land(homes[site], site, files)
            err.print(f"{site}: making features and folds in {workspace.home} …")
            _made(homes[site], f"+{MODEL}/test_split")
        found = here.run(planner, MODEL, homes, err.print)
        judged = {}
        for site, home in homes.items():
            err.print(f"{site}: judging the model with its own rows …")
            judged[site] = _judged(home)
        return {"rounds": found, "sites": judged}
    finally:
        for home in homes.values():
            home.home.close()


def _land(planner: Planner, site: str, files: Path) -> None:
    """Land an airport's own rows of each month, and all planes."""
    known, home = planner.home.batches.landed(), planner.home
    home.sample.mkdir(parents=True, exist_ok=True)
    for dataset in (*OF_AIRPORTS, "planes"):
        for path in sorted(files.glob(f"{dataset}*.csv")):
            batch = path.stem.removeprefix(dataset).lstrip("-")
            if batch == HELD_BACK or (dataset, batch) in known:
                continue
            own = path
            if dataset in OF_AIRPORTS:
                texts = pyarrow.csv.ConvertOptions(column_types={}, strings_can_be_null=False)
                table = pyarrow.csv.read_csv(path, convert_options=texts)
                own = home.sample / path.name
                pyarrow.csv.write_csv(
                    table.filter(pc.equal(table["origin"], site)),
                    own,
                    pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none"),
                )
            land(home, planner.project, dataset, own, None)


def _made(planner: Planner, selection: str) -> None:
    """Run what is selected in an airport's home, in a process that knows no other."""
    command = [sys.executable, "-P", "-m", "ml_assets", "run", selection]
    environ = child_environment(planner.workspace)
    done = subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise RequestError(f"the demo's run failed in {planner.workspace.home}; see above")


def _judged(planner: Planner) -> dict[str, Any]:
    """Return what a site makes of the model of the rounds beside its own."""
    _made(planner, f"+{MODEL}/release")
    home = planner.home
    held = home.records.current(home.env, f"{MODEL}/candidate")
    champion = home.promotions.champion(home.env, MODEL)
    assert held is not None, "the run made a candidate"
    return {
        "chosen": held.facts["chosen"],
        "validation": {e["family"]: e["value"] for e in held.facts["families"]},
        "champion": None if champion is None else f"v{champion.version}",
        "home": str(planner.workspace.home),
    }


def tell(done: dict[str, Any]) -> None:
    """Show what the sites learned together, and what each makes of it."""
    from ml_assets.cli.federated import tell as told

    told(done["rounds"])
    out.print()
    for site, said in done["sites"].items():
        values = ", ".join(f"{name} {value:.4g}" for name, value in said["validation"].items())
        out.print(styled((site, "bold"), f" chooses {said['chosen']} on its validation: {values}"))
        out.print(f"  champion {said['champion']}, in {said['home']}")
