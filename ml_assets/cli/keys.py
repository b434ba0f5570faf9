"""keys: who may ask the prediction service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ml_assets.cli.console import err, out
from ml_assets.cli.here import home_opened
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.store.access import access_keys, add_key, revoke_key
from ml_assets.store.key_file import add_to, keys_in, revoke_in

app = typer.Typer(
    name="keys", help="Access keys of an environment's prediction service.", no_args_is_help=True
)
FILE = typer.Option(
    "--file", help="A file of keys for `ml-assets serve --bundle … --keys FILE`, not the home's."
)
SCOPE = typer.Option(help="predict, metrics or admin (all of them); may be repeated.")


@app.command("add")
@guarded
def add(
    name: Annotated[str, typer.Argument(help="Who or what will use it.")],
    scope: Annotated[list[str] | None, SCOPE] = None,
    file: Annotated[Path | None, FILE] = None,
    as_json: bool = JSON,
) -> None:
    """Make a key and print it, this once; running services take it within seconds.

    Its scope is predict, if none is given. From the first key on, the service asks for one.

    Example: ml-assets keys add shop --scope predict
    """
    asked = tuple(scope or ("predict",))
    if file is not None:
        text, where = add_to(file, name, asked), {"file": str(file)}
    else:
        _, home = home_opened()
        text, where = add_key(home, name, asked), {"env": home.env}
    if as_json:
        emit({"name": name, "scopes": asked, **where, "key": text})
        return
    err.print(f"{name} may {', '.join(asked)} in {_named(where)}; its key is shown only now:")
    out.print(text)


@app.command("list")
@guarded
def listed(file: Annotated[Path | None, FILE] = None, as_json: bool = JSON) -> None:
    """List the keys: names, scopes, when made and revoked; a key itself is not stored.

    Example: ml-assets keys list
    """
    keys = access_keys(home_opened()[1]) if file is None else keys_in(file)
    if as_json:
        documents = [asdict(key) for key in keys]
        emit([{n: v for n, v in document.items() if n != "digest"} for document in documents])
        return
    for key in keys:
        state = f"revoked {key.revoked}" if key.revoked else f"made {key.created}"
        out.print(f"{key.name}  {', '.join(key.scopes)}  {state}")
    if not keys:
        err.print("no keys: the service asks for none; `ml-assets keys add NAME` makes one")


@app.command("revoke")
@guarded
def revoke(
    name: Annotated[str, typer.Argument(help="The key's name.")],
    file: Annotated[Path | None, FILE] = None,
    as_json: bool = JSON,
) -> None:
    """Revoke a key for good; running services refuse it within seconds.

    Example: ml-assets keys revoke shop
    """
    if file is not None:
        revoke_in(file, name)
        where = {"file": str(file)}
    else:
        _, home = home_opened()
        revoke_key(home, name)
        where = {"env": home.env}
    if as_json:
        emit({"name": name, **where, "revoked": True})
        return
    err.print(f"{name} is revoked in {_named(where)}")


def _named(where: Mapping[str, str]) -> str:
    return next(iter(where.values()))
