"""serve: predictions over HTTP by the champions of an environment."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from typing import Annotated

import typer

from ml_assets.cli.complete import models as complete_models
from ml_assets.cli.console import err
from ml_assets.cli.here import opened
from ml_assets.cli.output import guarded
from ml_assets.cli.servers import HOST, LOOPBACK, host_names, ports_free
from ml_assets.errors import RequestError, UnknownName
from ml_assets.store.access import access_keys


@guarded
def serve(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Models; all by default.", autocompletion=complete_models),
    ] = None,
    listen: Annotated[str, typer.Option(help="The address to listen on.")] = HOST,
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 1,
    host: Annotated[
        list[str] | None,
        typer.Option(
            help="Another host name to accept requests for, such as a proxy's. Repeatable."
        ),
    ] = None,
    no_keys: Annotated[
        bool, typer.Option("--no-keys", help="Ask for no access key: a proxy asks for logins.")
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(min=0.01, help="Requests a second of one key or address, in each worker."),
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

    Example: ml-assets serve flight_delay --port 8000
    """
    planner = opened()
    known = planner.project.models
    asked = list(models or known)
    for name in asked:
        if name not in known:
            raise UnknownName.of("model", name, known)
    if not asked:
        raise RequestError("the project has no models to serve; `ml-assets new model` writes one")
    if listen not in LOOPBACK and not no_keys and not access_keys(planner.home):
        raise RequestError(
            f"--listen {listen} opens the service to other machines, and {planner.home.env} has no "
            "access key: make one by `ml-assets keys add NAME`, or say --no-keys if a proxy asks "
            "for logins"
        )
    # What a proxy passes on is for its own name, or for any: it has checked that itself.
    hosts = ["*"] if listen != HOST and not host else [*LOOPBACK, *host_names(host or ())]
    if listen == HOST:
        ports_free({"predictions": port})
    import uvicorn

    from ml_assets.serve.recording.recorder import Recorder
    from ml_assets.serve.service.start import SAID, SHARED, Asked, said

    # Before it starts: a secret may be missing.
    Recorder.of(planner.home, planner.project, asked)
    planner.home.close()
    with ExitStack() as stack:
        os.environ[SAID] = said(
            Asked(asked, hosts, no_keys, access_log, rate, max_mb << 20, max_rows)
        )
        if workers > 1:
            os.environ[SHARED] = stack.enter_context(tempfile.TemporaryDirectory())
        err.print(f"predictions of {', '.join(asked)} on http://{listen}:{port} (Ctrl-C stops)")
        uvicorn.run(
            "ml_assets.serve.service.start:create",
            factory=True,
            host=listen,
            port=port,
            workers=workers,
            access_log=False,
            log_level="warning",
            server_header=False,
        )
