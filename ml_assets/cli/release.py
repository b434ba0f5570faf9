"""release, verify: write a champion's bundle to disk; check a bundle byte by byte."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from ml_assets.cli.complete import models
from ml_assets.cli.console import err, out, styled
from ml_assets.cli.here import opened
from ml_assets.cli.output import FAILED, JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.engine.plan import Planner
from ml_assets.errors import NotMaterialized, UnknownName


@guarded
def release(
    model: Annotated[str, typer.Argument(help="A model.", autocompletion=models)],
    folder: Annotated[
        Path, typer.Option("--out", help="Folder for the directory and the archive.")
    ],
    version: Annotated[
        str | None,
        typer.Option("--version", help="An earlier champion; by default the current one."),
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Write a champion's bundle, a directory and an archive; output is reproducible.

    It is signed if ML_ASSETS_SIGNING_KEY names an Ed25519 key in PEM format.

    Example: ml-assets release flight_delay --out releases
    """
    from ml_assets.release.read import code_of, unpacked
    from ml_assets.release.sign import KEY, signed
    from ml_assets.release.write import write

    planner = opened(model)
    if model not in planner.project.models:
        raise UnknownName.of("model", model, planner.project.models)
    with working(f"finding or building the bundle of {model}"):
        made = unpacked(bundle_of(planner, model, version), model)
    key = os.environ.get(KEY)
    files = signed(made.files, Path(key)) if key else made.files
    directory, archive = write(folder, made.folder, files)
    about = made.about
    document: dict[str, Any] = {
        "model": model,
        "version": about["version"],
        "directory": str(directory),
        "archive": str(archive),
        "bytes": archive.stat().st_size,
        "signed": bool(key),
        "onnx": about["onnx"],
        "code": code_of(made.files),
    }
    if as_json:
        emit(document)
        return
    out.print(styled((model, "bold"), f" {about['version']}: {directory} and {archive.name}"))
    if about["onnx"]["file"] is None:
        out.print(f"  no model.onnx: {about['onnx']['reason']}")
    if document["code"]:
        out.print(f"  code of the project that leaves with it: {', '.join(document['code'])}")
    out.print("  signed" if key else f"  not signed: {KEY} names no key")


def bundle_of(planner: Planner, model: str, version: str | None) -> bytes:
    """Return the archive of a champion, built if it is not in the store.

    Raises NotMaterialized if there is no champion or the version was never one, LogBroken if the
    promotion log is damaged.
    """
    from ml_assets.assets.cells import Unit
    from ml_assets.engine.recipes.release import release_action
    from ml_assets.engine.run import ActionRunner
    from ml_assets.engine.session import Done
    from ml_assets.history.decisions import candidate_named
    from ml_assets.keys.code import Sources

    home = planner.home
    home.promotions.verify(home.env, model)
    if version is None:
        champion = home.promotions.champion(home.env, model)
        if champion is None:
            raise NotMaterialized(
                f"{model} has no champion in environment {home.env}: nothing to release; see "
                f"`ml-assets status`"
            )
        version = champion.digest
    chosen = candidate_named(home, model, version)
    entry = home.promotions.first_promotion(home.env, model, chosen.digest)
    if entry is None:
        raise NotMaterialized(
            f"{model} v{chosen.number} was never champion in environment {home.env}: only versions "
            f"that were champion can be released"
        )
    runner = ActionRunner(planner.workspace, home, Sources(planner.workspace.roots))
    session = planner.session(runner=runner)
    action = release_action(session, model, chosen, entry.to_json())
    done = session.act(Unit(model, "release"), action)
    assert isinstance(done, Done)
    return home.objects.read(done.outputs["bundle"].digest)


@guarded
def verify(
    bundle: Annotated[Path, typer.Argument(help="A bundle's directory or archive.")],
    public_key: Annotated[
        Path | None,
        typer.Option("--public-key", help="PEM file of the trusted signer's public key."),
    ] = None,
    here: Annotated[
        bool,
        typer.Option(
            "--this-environment", help="Score with the packages installed here; install none."
        ),
    ] = False,
    as_json: bool = JSON,
) -> None:
    """Check every byte of a bundle and its signature, and score its golden rows.

    Scoring uses environments built from the bundle's lock files, kept in the user's cache.

    Example: ml-assets verify releases/flight_delay-v3.zip
    """
    from ml_assets.release.read import read
    from ml_assets.release.verify import verify as look

    with working(f"checking {bundle.name} and scoring its golden rows"):
        verdict = look(read(bundle), public_key, here=here)
    document = verdict.to_json()
    if as_json:
        emit(document)
    for problem in verdict.problems:
        err.print(styled((problem.file, "red"), f" {problem.said}"))
    if verdict.problems:
        raise typer.Exit(FAILED)
    if as_json:
        return
    out.print(styled((document["bundle"], "bold"), f": {document['files']} files unchanged"))
    shown = {
        "trusted": "signed with the given key",
        "present": "signed with an unverified key (give --public-key)",
        "none": "not signed",
    }
    out.print(f"  {shown[verdict.signature]}")
    for item in verdict.scored:
        off = "to the bit" if item.largest == 0 else f"within {item.largest:.1g}"
        out.print(f"  {item.program}: {item.rows} golden rows, {off}")
    if verdict.unscored is not None:
        out.print(f"  {verdict.unscored}")
