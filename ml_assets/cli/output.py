"""How commands speak: people on the terminal, one JSON document for programs, exit codes."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from errno import ENOSPC
from typing import Any, ParamSpec

import typer
from rich.console import Console
from sqlalchemy.exc import DatabaseError, OperationalError

from ml_assets.cli.here import homes
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
    """Turn errors raised on purpose into a message and an exit code; others are bugs.

    With `--json` the one document then is `{"error": …, "exit": …}`.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        def stop(title: str, said: str, code: int) -> typer.Exit:
            err.print(f"[red]{title}:[/] {_escaped(said)}")
            if kwargs.get("as_json"):
                emit({"error": said, "exit": code})
            return typer.Exit(code)

        try:
            with homes:
                command(*args, **kwargs)
        except RequestError as error:
            raise stop("error", str(error), WRONG) from None
        except MlAssetsError as error:
            raise stop("failed", str(error), FAILED) from None
        except OSError as error:
            todo = ": free some where the home is, then say it again"
            said = f"{error}{todo if error.errno == ENOSPC else ''}; nothing was recorded by halves"
            raise stop("failed", said, FAILED) from None
        except OperationalError as error:
            what = "is the disk full, or not writable, or the server of the state gone?"
            said = f"a database of the home says {_line(error)}: {what}"
            raise stop("failed", f"{said} Nothing was recorded by halves", FAILED) from None
        except DatabaseError as error:
            said = (
                f"a database of the home is damaged: {_line(error)}; restore it from a copy. "
                "Without Dagster's or MLflow's folder in environments/ nothing is lost: "
                "`ml-assets repair` shows everything anew"
            )
            raise stop("failed", said, FAILED) from None

    return run


def _line(error: DatabaseError) -> str:
    return " ".join(str(error.orig).split())


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
