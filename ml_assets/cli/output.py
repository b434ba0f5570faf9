"""Output of commands: messages on the terminal, one JSON document for programs, exit codes."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable
from errno import ENOSPC
from pathlib import Path
from typing import Any, ParamSpec

import typer
from sqlalchemy.exc import DatabaseError, OperationalError

from ml_assets.cli.console import err, styled
from ml_assets.cli.here import homes
from ml_assets.errors import MlAssetsError, RequestError, kind_of
from ml_assets.walk import is_text, shown

P = ParamSpec("P")
FAILED, WRONG = 1, 2
DISK_FULL, SYSTEM = "disk_full", "system_error"
DATABASE_UNREACHABLE, DATABASE_DAMAGED = "database_unreachable", "database_damaged"
"""Kinds of errors from outside ml_assets, in addition to those of `errors`."""
JSON = typer.Option(False, "--json", help="Print one JSON document.")


def emit(document: Any) -> None:
    """Print the one JSON document of a command."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn expected errors into a message and an exit code; all others are bugs.

    With `--json` the document is then `{"error": …, "kind": …, "details": …, "exit": …}`.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        def stop(title: str, said: str, code: int, kind: str, details: Any = None) -> typer.Exit:
            err.print(styled((f"{title}:", "red"), f" {said}"))
            if kwargs.get("as_json"):
                emit({"error": said, "kind": kind, "details": details or {}, "exit": code})
            return typer.Exit(code)

        try:
            _readable(kwargs.values())
            with homes:
                command(*args, **kwargs)
        except RequestError as error:
            raise stop("error", str(error), WRONG, kind_of(type(error)), error.details) from None
        except MlAssetsError as error:
            raise stop("failed", str(error), FAILED, kind_of(type(error)), error.details) from None
        except OSError as error:
            full = error.errno == ENOSPC
            todo = ": free space on the home's disk and rerun" if full else ""
            said = f"{error}{todo}; no partial results were recorded"
            raise stop("failed", said, FAILED, DISK_FULL if full else SYSTEM) from None
        except OperationalError as error:
            what = "is the disk full or read-only, or the state's server down?"
            said = f"a database of the home failed: {_line(error)}; {what}"
            raise stop(
                "failed", f"{said} No partial results were recorded", FAILED, DATABASE_UNREACHABLE
            ) from None
        except DatabaseError as error:
            said = (
                f"a database of the home is damaged: {_line(error)}; restore it from a copy. "
                "If only Dagster's or MLflow's database is damaged, remove its folder in "
                "environments/: `ml-assets repair` recreates it without loss"
            )
            raise stop("failed", said, FAILED, DATABASE_DAMAGED) from None

    return run


def _readable(values: Iterable[Any]) -> None:
    """Refuse arguments that are not valid text: they could not be recorded or printed."""
    words = [word for value in values for word in (value if isinstance(value, list) else [value])]
    wrong = [shown(w) for w in words if isinstance(w, str | Path) and not is_text(str(w))]
    if wrong:
        raise RequestError(f"not UTF-8: {', '.join(wrong)}; rename the file or use another name")


def _line(error: DatabaseError) -> str:
    return " ".join(str(error.orig).split())
