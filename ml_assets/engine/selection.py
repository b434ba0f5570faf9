"""Selections of assets: a subset of Dagster's selection syntax that needs no dagster.

    *                       everything
    flights/cleaned         one asset; `*` matches anything: flights/*, */candidate
    key:"flights/cleaned"   the same
    group:flight_delay      all assets of a dataset or model
    +X, 2+X                 X and all (or 2 levels of) its upstream assets
    X+, X+1                 X and all (or 1 level of) its downstream assets
    not X, X and Y, X or Y, (X)

Precedence from the lowest: or, and, not, +.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

from ml_assets.assets.edges import edges, reverse, walk
from ml_assets.errors import SelectionError, suggest
from ml_assets.spec.project import Project

TOKEN = re.compile(
    r"\s*(?:([()])|(\d{1,9}\+)|(\+\d{0,9})|((?:(?:key|group):)?(?:\"[^\"]*\"|[\w/*.-]+)))"
)
OTHERS = re.compile(r"(?<!\w)(?!key:|group:)([A-Za-z_]\w*):([a-z]\w*)")
"""A dataset of another project."""
DEEPEST = 50
"""Limits the nesting, since the parser is recursive."""


def select(project: Project, text: str | None) -> list[str]:
    """Return the selected asset keys, in data-flow order.

    Raises SelectionError if the text does not parse or a part of it names nothing.
    """
    graph = edges(project)
    makeable = [asset for asset in graph if not asset.endswith("/landing")]
    if text is None or text.strip() in ("", "*"):
        return makeable
    for theirs, name in OTHERS.findall(text):
        if name in project.borrowed and project.borrowed[name].project == theirs:
            raise _elsewhere(name, theirs)
    chosen = _Parser(project, graph, text).parse()
    return [asset for asset in makeable if asset in chosen]


class _Parser:
    """Recursive descent: or < and < not < traversal < atom."""

    def __init__(self, project: Project, graph: dict[str, tuple[str, ...]], text: str) -> None:
        self._project = project
        self._graph = graph
        self._text = text
        self._tokens = self._split(text)
        self._at = 0

    def parse(self) -> set[str]:
        assets = self._or()
        if self._at < len(self._tokens):
            raise self._error(f"unexpected {self._tokens[self._at]!r}")
        return assets

    def _split(self, text: str) -> list[str]:
        tokens, at = [], 0
        while at < len(text.rstrip()):
            match = TOKEN.match(text, at)
            if match is None:
                raise self._error(f"cannot read {text[at : at + 200]!r}")
            tokens.append(match.group().strip())
            at = match.end()
        if sum(token.lower() in ("(", "not") for token in tokens) > DEEPEST:
            raise self._error(f"nested deeper than {DEEPEST} levels of ( and not")
        return tokens

    def _error(self, what: str) -> SelectionError:
        text = self._text if len(self._text) <= 200 else f"{self._text[:200]}…"
        return SelectionError(
            f"selection {text!r}: {what}; wanted keys, group:NAME, +X, X+, and, or, not, ()",
            got=text,
        )

    @staticmethod
    def _unknown(what: str, got: str, available: Iterable[str]) -> SelectionError:
        names = sorted(available)
        said = f"no {what} {got!r}{suggest(got, names)}"
        return SelectionError(said, what=what, got=got, available=names)

    def _refuse_borrowed(self, name: str) -> None:
        borrowed = self._project.borrowed.get(name)
        if borrowed is not None:
            raise _elsewhere(name, borrowed.project)

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _or(self) -> set[str]:
        assets = self._and()
        while self._peek().lower() == "or":
            self._take()
            assets = assets | self._and()
        return assets

    def _and(self) -> set[str]:
        assets = self._not()
        while self._peek().lower() == "and":
            self._take()
            assets = assets & self._not()
        return assets

    def _not(self) -> set[str]:
        if self._peek().lower() == "not":
            self._take()
            return set(self._graph) - self._not()
        return self._traversal()

    def _traversal(self) -> set[str]:
        up: int | None = 0
        if re.fullmatch(r"\+|\d+\+", self._peek()):
            up = _depth(self._take())
        base = self._atom()
        down: int | None = 0
        if re.fullmatch(r"\+\d*", self._peek()):
            down = _depth(self._take())
        return walk(self._graph, base, up) | walk(reverse(self._graph), base, down)

    def _atom(self) -> set[str]:
        token = self._take()
        if token == "(":
            assets = self._or()
            if self._take() != ")":
                raise self._error("a ) is missing")
            return assets
        if re.fullmatch(r"\)?|\d*\+\d*|and|or|not", token.lower()):
            raise self._error("a term is missing" if not token else f"unexpected {token!r}")
        kind, _, name = token.partition(":") if ":" in token else ("key", "", token)
        name = name.strip('"')
        if kind == "group":
            groups = {*self._project.own, *self._project.models}
            self._refuse_borrowed(name)
            if name not in groups:
                raise self._unknown("group", name, groups)
            return {asset for asset in self._graph if asset.startswith(f"{name}/")}
        assets = {asset for asset in self._graph if fnmatch.fnmatchcase(asset, name)}
        if not assets:
            self._refuse_borrowed(name.split("/", maxsplit=1)[0])
            if name in self._project.models or name in self._project.datasets:
                kind = "model" if name in self._project.models else "dataset"
                raise SelectionError(
                    f"{name!r} is a {kind}, not an asset; write group:{name} for its assets, "
                    f"+group:{name} for all that they need too",
                    what="asset",
                    got=name,
                )
            raise self._unknown("asset", name, self._graph)
        return assets


def _elsewhere(dataset: str, project: str) -> SelectionError:
    return SelectionError(
        f"{dataset} is a dataset of project {project}, which alone makes its assets: ask in the "
        f"folder of {project}, or here for the assets that read it",
        what="asset",
        got=dataset,
    )


def _depth(token: str) -> int | None:
    digits = token.strip("+")
    return int(digits) if digits else None
