"""How commands speak: people on the terminal, one JSON document for programs, exit codes."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import Any, ParamSpec

import typer
from rich.console import Console
from sqlalchemy.exc import DatabaseError, OperationalError

from ml_assets.errors import MlAssetsError, RequestError

P = ParamSpec("P")
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)
OK, FAILED, WRONG = 0, 1, 2
JSON = typer.Option(False, "--json", help="Print one JSON document.")


def emit(document: Any) -> None:
    """Print the one JSON document of a command."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn errors raised on purpose into a message and an exit code; others are bugs."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except RequestError as error:
            err.print(f"[red]error:[/] {_escaped(str(error))}")
            raise typer.Exit(WRONG) from None
        except MlAssetsError as error:
            err.print(f"[red]failed:[/] {_escaped(str(error))}")
            raise typer.Exit(FAILED) from None
        except OSError as error:
            err.print(f"[red]failed:[/] {_escaped(str(error))}; nothing was recorded by halves")
            raise typer.Exit(FAILED) from None
        except OperationalError as error:
            what = "is the disk full, or not writable, or the server of the state gone?"
            said = f"a database of the home says {_line(error)}: {what}"
            err.print(f"[red]failed:[/] {_escaped(said)} Nothing was recorded by halves")
            raise typer.Exit(FAILED) from None
        except DatabaseError as error:
            said = (
                f"a database of the home is damaged: {_line(error)}; restore it from a copy. "
                "Without Dagster's or MLflow's folder in environments/ nothing is lost: "
                "`ml-assets repair` shows everything anew"
            )
            err.print(f"[red]failed:[/] {_escaped(said)}")
            raise typer.Exit(FAILED) from None

    return run


def _line(error: DatabaseError) -> str:
    return " ".join(str(error.orig).split())


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
