"""serve: predictions over HTTP by the champions of an environment, or by release bundles."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from ml_assets.cli.complete import models as complete_models
from ml_assets.cli.console import err
from ml_assets.cli.here import opened
from ml_assets.cli.output import guarded
from ml_assets.cli.servers import HOST, LOOPBACK, host_names, ports_free
from ml_assets.errors import RequestError, UnknownName
from ml_assets.serve.service.worker_settings import SETTINGS, SHARED, Bundles, WorkerSettings
from ml_assets.store.access import access_keys
from ml_assets.store.key_file import keys_in


@guarded
def serve(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Models; all by default.", autocompletion=complete_models),
    ] = None,
    bundle: Annotated[
        list[Path] | None,
        typer.Option(
            help="Serve this release bundle, without a home or a project. Repeatable.",
            show_default=False,
        ),
    ] = None,
    join: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[@BATCH]=FILE",
            help="Of bundles: a file of a dataset that their models join. Repeatable.",
        ),
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option("--public-key", help="Of bundles: PEM file of the trusted signer's key."),
    ] = None,
    listen: Annotated[str, typer.Option(help="The address to listen on.")] = HOST,
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, help="Service workers: processes that answer.")
    ] = 1,
    host: Annotated[
        list[str] | None,
        typer.Option(
            help="Another host name to accept requests for, such as a proxy's. Repeatable."
        ),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="The address of a proxy whose X-Forwarded-For says who asks. Repeatable."
        ),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            help="Of bundles: a file of access keys (`ml-assets keys add NAME --file FILE`)."
        ),
    ] = None,
    no_keys: Annotated[
        bool, typer.Option("--no-keys", help="Ask for no access key: a proxy asks for logins.")
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.01, help="Requests a second of one key or address, in each service worker."
        ),
    ] = None,
    max_rows: Annotated[int, typer.Option(min=1, help="Rows of one request.")] = 100_000,
    max_mb: Annotated[int, typer.Option(min=1, help="Megabytes of one request.")] = 32,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Write a line for each request, without its rows.")
    ] = False,
) -> None:
    """Serve predictions over HTTP until Ctrl-C; promotions and joined data are followed.

    From the first access key of the environment on (`ml-assets keys add`), a request needs one. To
    listen elsewhere than on this machine, there must be one, or a proxy with a login and --no-keys.
    A bundle runs the code in it: serve none from strangers.

    Example: ml-assets serve flight_delay --port 8000
    """
    if bundle and models:
        raise RequestError(
            f"got models ({', '.join(models)}) and --bundle; give only one of the two"
        )
    if not bundle and (join or public_key or keys):
        raise RequestError(
            "--join, --public-key and --keys need --bundle; a home has its own data and keys"
        )
    if keys and no_keys:
        raise RequestError("got --keys and --no-keys; give only one of the two")
    proxies = _addresses(proxy or ())
    bundles = _bundles(bundle, join or (), public_key, keys) if bundle else None
    names, keyed = _of_home(models) if bundles is None else ([], keys is not None)
    if listen not in LOOPBACK and not no_keys and not keyed:
        todo = (
            "create one with `ml-assets keys add NAME`" if bundles is None else "give --keys FILE"
        )
        raise RequestError(
            f"--listen {listen} opens the service to other machines, and there is no access key: "
            f"{todo}, or pass --no-keys if a proxy authenticates users"
        )
    # What a proxy passes on is for its own name, or for any: it has checked that itself.
    hosts = ["*"] if listen != HOST and not host else [*LOOPBACK, *host_names(host or ())]
    if listen == HOST:
        ports_free({"predictions": port})
    shown = ", ".join(names or map(str, bundle or ()))
    err.print(f"predictions of {shown} on http://{listen}:{port} (Ctrl-C stops)")
    _run(
        WorkerSettings(names, bundles, hosts, no_keys, access_log, rate, max_mb << 20, max_rows),
        listen,
        port,
        workers,
        proxies,
    )


def _addresses(given: Sequence[str]) -> list[str]:
    """Return addresses of proxies; RequestError if one is none."""
    try:
        return [str(ip_address(address)) for address in given]
    except ValueError as error:
        raise RequestError(f"--proxy: {error}; wanted an address, e.g. 127.0.0.1") from None


def _of_home(models: Sequence[str] | None) -> tuple[list[str], bool]:
    """Return the models to serve, and whether their home has access keys."""
    planner = opened()
    known = planner.project.models
    asked = list(models or known)
    for name in asked:
        if name not in known:
            raise UnknownName.of("model", name, known)
    if not asked:
        raise RequestError("the project has no models to serve; `ml-assets new model` writes one")
    from ml_assets.serve.recording.recorder import Recorder

    # Before it starts: a secret may be missing.
    Recorder.of(planner.home, planner.project, asked)
    keyed = bool(access_keys(planner.home))
    planner.home.close()
    return asked, keyed


def _bundles(
    paths: Sequence[Path], joins: Sequence[str], public_key: Path | None, keys: Path | None
) -> Bundles:
    """Return bundles to serve; RequestError, before it starts, for one that cannot be."""
    from ml_assets.serve.service.bundled import served_of

    if keys is not None:
        keys_in(keys)
    key = None if public_key is None else str(public_key)
    file = None if keys is None else str(keys.absolute())
    bundles = Bundles([str(path) for path in paths], list(joins), key, file)
    served_of(bundles)
    return bundles


def _run(
    worker: WorkerSettings, listen: str, port: int, workers: int, proxies: Sequence[str]
) -> None:
    import uvicorn

    from ml_assets.serve.service.listening import settings

    with ExitStack() as stack:
        os.environ[SETTINGS] = worker.dump()
        if workers > 1:
            os.environ[SHARED] = stack.enter_context(tempfile.TemporaryDirectory())
        uvicorn.run(
            "ml_assets.serve.service.start:create",
            factory=True,
            host=listen,
            port=port,
            workers=workers,
            **settings(proxies),
        )
