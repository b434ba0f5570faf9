"""keys: who may ask the prediction service."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ml_assets.cli.console import err, out
from ml_assets.cli.here import home_opened
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.store.access import access_keys, add_key, revoke_key

app = typer.Typer(
    name="keys", help="Access keys of an environment's prediction service.", no_args_is_help=True
)
SCOPE = typer.Option(help="predict, metrics or admin (all of them); may be repeated.")


@app.command("add")
@guarded
def add(
    name: Annotated[str, typer.Argument(help="Who or what will use it.")],
    scope: Annotated[list[str] | None, SCOPE] = None,
    as_json: bool = JSON,
) -> None:
    """Make a key and print it, this once; running services take it within seconds.

    Its scope is predict, if none is given. From the first key on, the service asks for one.

    Example: ml-assets keys add shop --scope predict
    """
    _, home = home_opened()
    asked = tuple(scope or ("predict",))
    text = add_key(home, name, asked)
    if as_json:
        emit({"name": name, "scopes": asked, "env": home.env, "key": text})
        return
    err.print(f"{name} may {', '.join(asked)} in {home.env}; its key is shown only now:")
    out.print(text)


@app.command("list")
@guarded
def listed(as_json: bool = JSON) -> None:
    """List the keys: names, scopes, when made and revoked; a key itself is not stored.

    Example: ml-assets keys list
    """
    _, home = home_opened()
    keys = access_keys(home)
    if as_json:
        documents = [asdict(key) for key in keys]
        emit([{n: v for n, v in document.items() if n != "digest"} for document in documents])
        return
    for key in keys:
        state = f"revoked {key.revoked}" if key.revoked else f"made {key.created}"
        out.print(f"{key.name}  {', '.join(key.scopes)}  {state}")
    if not keys:
        err.print(f"no keys in {home.env}: the service asks for none; `ml-assets keys add NAME`")


@app.command("revoke")
@guarded
def revoke(
    name: Annotated[str, typer.Argument(help="The key's name.")], as_json: bool = JSON
) -> None:
    """Revoke a key for good; running services refuse it within seconds.

    Example: ml-assets keys revoke shop
    """
    _, home = home_opened()
    revoke_key(home, name)
    if as_json:
        emit({"name": name, "env": home.env, "revoked": True})
        return
    err.print(f"{name} is revoked in {home.env}")
