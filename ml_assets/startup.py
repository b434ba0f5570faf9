"""How a process starts: when, and importing much at once with the garbage collector off.

What was imported stays: collections that look at it over and over took a fifth of the imports'
time, and 0.7 s more when a process ends.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STARTED = time.time()
"""When this process began to import the package (seconds since the epoch): later edits are not in
what it imported."""
SELDOM = 50_000
"""New objects after which garbage is looked for: single modules are imported later, too."""


@contextmanager
def importing() -> Iterator[None]:
    """Collect no garbage inside, nor ever again what is there at the end; seldom afterwards."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(SELDOM)
        gc.enable()


def command(module: str) -> list[str]:
    """Return the words that start a module's `main` in a process of its own, imported this way."""
    return [sys.executable, "-P", "-c", "from ml_assets.startup import main; main()", module]


def process_environment() -> dict[str, str]:
    """Return this process' environment for one that imports the same package."""
    paths = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def main() -> None:
    """Import the module that the first argument names and call its `main`, with the other words."""
    name = sys.argv.pop(1)
    with importing():
        module = importlib.import_module(name)
    module.main()
