"""gc: remove unreferenced objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ml_assets.cli.console import err, out
from ml_assets.cli.here import home_opened
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.errors import RequestError
from ml_assets.store.home import Home
from ml_assets.store.lock import writer

if TYPE_CHECKING:
    from ml_assets.operations.gc import Garbage

KEEP = 10
"""How many of the newest versions of each asset (and batch) are kept."""


@guarded
def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only report what would be deleted.")
    ] = False,
    keep: Annotated[int, typer.Option(help="Newest versions of each asset to keep.")] = KEEP,
    as_json: bool = JSON,
) -> None:
    """Delete objects that no environment, champion, release or recent version refers to.

    Example: ml-assets gc --dry-run --keep 5
    """
    from ml_assets.operations.gc import collect, garbage

    if keep < 1:
        raise RequestError(f"--keep {keep}: wanted 1 or more versions to keep")
    _, home = home_opened()
    if dry_run:
        with working("searching for unreferenced objects"):
            waste = garbage(home, keep)
    else:
        with whole_home(home, "ml-assets gc"), working("removing unreferenced objects"):
            waste = garbage(home, keep)
            collect(home, waste)
    if as_json:
        emit(document(waste, dry_run))
    else:
        tell(waste, dry_run)


@contextmanager
def whole_home(home: Home, what: str) -> Iterator[None]:
    """Hold the write lock of every environment, since they share objects."""
    with ExitStack() as stack:
        for env in home.environments():
            lock = home.writer_lock(env)
            stack.enter_context(writer(lock, what, patience=3600.0, waiting=err.print))
        yield


def document(waste: Garbage, dry_run: bool) -> dict[str, Any]:
    """Return the document that `gc --json` prints."""
    return {
        "dry_run": dry_run,
        "objects": sorted(waste.objects),
        "bytes": waste.bytes,
        "strays": waste.strays,
        "kept": waste.kept,
        "versions": waste.versions,
    }


def tell(waste: Garbage, dry_run: bool) -> None:
    """Print what is deleted, grouped by the asset that produced it."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for digest, size in waste.objects.items():
        entry = sums[waste.made[digest]]
        entry[0], entry[1] = entry[0] + 1, entry[1] + size
    for unit, (count, size) in sorted(sums.items()):
        out.print(f"{count:6} objects  {size / 1e6:9.2f} MB  {unit}")
    if waste.strays:
        out.print(f"{len(waste.strays):6} files without a record")
    lost = [name for name, remakable in waste.versions.items() if not remakable]
    if spared := [name for name in waste.versions if name not in lost]:
        out.print(f"not kept, can be recreated: {', '.join(spared)}")
    if lost:
        out.print(f"cannot be recreated: {', '.join(lost)}")
    verb = "would free" if dry_run else "freed"
    out.print(
        f"{verb} {len(waste.objects)} objects, {waste.bytes / 1e6:.2f} MB; {waste.kept} are kept"
    )
