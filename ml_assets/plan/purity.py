"""What in a project's hooks looks impure: clocks, chance without a seed, network, files.

A hook's result is cached by its code and inputs: what it reads besides is not in the key. Names are
resolved through imports in the syntax tree; nothing is imported or run, so what is reached in
another way is not seen. `ml-assets run --verify` finds it by its effect. A line that ends in
`# pure: WHY` is let pass. Belongs here: finding and wording. Does not belong here: refusing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ml_assets.errors import HookError
from ml_assets.plan.code import OUTSIDE, Module, Sources
from ml_assets.plan.hooks import hooks
from ml_assets.plan.workspace import Workspace
from ml_assets.spec.project import Project

Reason = str
CLOCK = "reads the clock: take the time from a column"
CHANCE = "draws without a seed: give a fixed one"
NETWORK = "reaches the network: land the data as a dataset and join it"
FILES = "reads or writes files: land the data as a dataset and join it"
SURROUNDINGS = "reads the environment of the process: write the value into the YAML or the code"
ALLOWED = "# pure:"

_MODULES: dict[str, Reason] = {
    "secrets": CHANCE,
    **dict.fromkeys(
        (
            "socket",
            "ssl",
            "http.client",
            "urllib.request",
            "ftplib",
            "smtplib",
            "requests",
            "httpx",
        ),
        NETWORK,
    ),
    **dict.fromkeys(
        ("urllib3", "aiohttp", "boto3", "botocore", "sqlalchemy", "sqlite3", "psycopg"), NETWORK
    ),
    **dict.fromkeys(("shutil", "tempfile", "glob", "fsspec", "upath"), FILES),
    "subprocess": "starts another program: its result is in no key",
}
"""Modules of which any use counts."""
_NAMES: dict[str, Reason] = {
    **{
        f"time.{name}": CLOCK
        for name in ("time", "time_ns", "monotonic", "perf_counter", "localtime", "gmtime", "ctime")
    },
    **{f"datetime.datetime.{name}": CLOCK for name in ("now", "utcnow", "today")},
    "datetime.date.today": CLOCK,
    **{f"pandas.Timestamp.{name}": CLOCK for name in ("now", "utcnow", "today")},
    "os.urandom": CHANCE,
    "uuid.uuid1": CHANCE,
    "uuid.uuid4": CHANCE,
    "os.environ": SURROUNDINGS,
    "os.getenv": SURROUNDINGS,
    **{f"os.{name}": FILES for name in ("open", "listdir", "scandir", "walk", "stat", "remove")},
    **{f"os.path.{name}": FILES for name in ("exists", "isfile", "isdir", "getmtime", "getsize")},
    **{f"numpy.{name}": FILES for name in ("load", "save", "loadtxt", "savetxt", "fromfile")},
    "pyarrow.memory_map": FILES,
    "joblib.load": FILES,
    "joblib.dump": FILES,
}
_PREFIXES: dict[str, Reason] = {"pandas.read_": FILES, "pyarrow.parquet.": FILES, "io.open": FILES}
_BUILTINS: dict[str, Reason] = {
    "open": FILES,
    "input": SURROUNDINGS,
    "hash": "differs from process to process for texts: use hashlib",
}
_METHODS: dict[str, Reason] = {
    **dict.fromkeys(("read_text", "read_bytes", "write_text", "write_bytes"), FILES),
    **dict.fromkeys(("to_csv", "to_parquet", "to_pickle", "to_feather", "to_sql"), FILES),
}
"""Of whatever object: what it is cannot be known from the syntax."""
_SEEDED = ("numpy.random.default_rng", "numpy.random.RandomState", "random.Random")
"""Fine with a seed as an argument."""
_PLAIN = ("numpy.random.Generator", "numpy.random.SeedSequence", "numpy.random.PCG64")


@dataclass(frozen=True, order=True)
class Impurity:
    """One place in a project's code that looks impure."""

    file: str
    line: int
    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what} {self.reason}"


def impurities(workspace: Workspace, project: Project) -> list[Impurity]:
    """Return what looks impure in every hook of a project and in what it imports of its own."""
    sources = Sources(workspace.roots)
    own: dict[str, Module] = {}
    for hook in sorted({hook.split(":")[0] for hook in hooks(workspace, project)}):
        # The action that needs a file that is missing or no Python says so, and stops no other.
        with suppress(HookError):
            closure = sources.closure([hook])
            own |= {name: module for name, module in closure.items() if _own(workspace, name)}
    return sorted({found for module in own.values() for found in look(module.text, module.path)})


def look(text: str, path: Path) -> Iterator[Impurity]:
    """Yield what looks impure in a source file."""
    lines = text.splitlines()
    tree = ast.parse(text)
    names = _imported(tree)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        found = _judge(node, calls.get(id(node)), names)
        if found is not None and ALLOWED not in lines[node.lineno - 1]:
            yield Impurity(str(path), node.lineno, *found)


def _own(workspace: Workspace, name: str) -> bool:
    """Tell whether a module is the project's, not the software's."""
    inside = name == workspace.module or name.startswith(f"{workspace.module}.")
    return inside or name.split(".", maxsplit=1)[0] not in OUTSIDE


def _imported(tree: ast.AST) -> dict[str, str]:
    """Return local name -> what it was imported as (`pd` -> `pandas`)."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _judge(
    node: ast.Name | ast.Attribute, call: ast.Call | None, names: dict[str, str]
) -> tuple[str, Reason] | None:
    shown = ast.unparse(node)
    full = _full(node, names)
    if full is not None:
        reason = _named(full, call)
        return None if reason is None else (shown, reason)
    if call is None:
        return None
    if isinstance(node, ast.Name):
        return (shown, _BUILTINS[node.id]) if node.id in _BUILTINS else None
    if node.attr == "sample" and not _seeded(call):
        return f".{node.attr}()", CHANCE
    return (f".{node.attr}()", _METHODS[node.attr]) if node.attr in _METHODS else None


def _full(node: ast.AST, names: dict[str, str]) -> str | None:
    """Return the dotted name that an expression stands for; None if it begins with no import."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _full(node.value, names)
        return None if owner is None else f"{owner}.{node.attr}"
    return None


def _named(full: str, call: ast.Call | None) -> Reason | None:
    if full in _NAMES:
        return _NAMES[full]
    if full in _SEEDED:
        return CHANCE if call is None or not (call.args or call.keywords) else None
    chance = full.startswith(("numpy.random.", "random."))
    if chance and full not in _PLAIN:
        return CHANCE
    for prefix, reason in _PREFIXES.items():
        if full.startswith(prefix):
            return reason
    # `import urllib.request` alone is no use; what is called of it is.
    module = next((name for name in _MODULES if full.startswith(f"{name}.")), None)
    return None if module is None else _MODULES[module]


def _seeded(call: ast.Call) -> bool:
    return any(word.arg in ("random_state", "seed", None) for word in call.keywords)
