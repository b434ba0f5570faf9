"""What an experiment varies: settings of a model's training, given as `path=values`.

Belongs here: parsing and checking these, and specs with other values. Does not belong here:
fitting, choosing, writing YAML.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from ml_assets.errors import RequestError, suggest
from ml_assets.spec.mistakes import Place
from ml_assets.spec.model import ModelSpec

FAMILIES = ("training", "families")
SEED = ("training", "seed")
CURRENT = "current"
"""The name of the variation with the values in the YAML."""


@dataclass(frozen=True)
class Axis:
    """One setting of a model and the values to try, or the range to search."""

    place: Place
    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    """Both ends are included; both are None if there is no range."""

    @property
    def path(self) -> str:
        """The path as people write it."""
        return ".".join(str(part) for part in self.place)

    @property
    def whole(self) -> bool:
        """Whether the range has integers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)


Settings = Mapping[str, Any]
"""Path -> value of one variation."""


def axes(model: ModelSpec, texts: Sequence[str], ranges: bool) -> list[Axis]:
    """Parse `path=v1,v2` and `path=low..high`; `ranges` says whether ranges are allowed.

    Values are converted as in the spec (an alpha of 1 is 1.0), without duplicates. Raises
    RequestError with every mistake.
    """
    dimensions: list[Axis] = []
    wrong: list[str] = []
    for text in texts:
        path, equals, given = text.partition("=")
        if not equals:
            wrong.append(f"{text}: wanted PATH=VALUE,VALUE (train.lightgbm.num_leaves=31,63)")
            continue
        try:
            axis = _axis(model, _place(model, path.strip()), given.strip())
        except ValueError as error:
            wrong.append(f"{path}: {error}")
            continue
        if any(axis.place == other.place for other in dimensions):
            wrong.append(f"{path}: given twice; put all values in one --set")
        if axis.low is not None and not ranges:
            wrong.append(f"{path}: a range is searched with --trials; a grid wants values (31,63)")
        dimensions.append(axis)
    if wrong:
        raise RequestError("\n".join(wrong))
    return dimensions


def vary(model: ModelSpec, settings: Settings) -> ModelSpec:
    """Return the spec with other values; raises pydantic's ValidationError if they are invalid."""
    document = model.model_dump()
    for path, value in settings.items():
        *parents, last = path.split(".")
        node = document
        for part in parents:
            node = node[part]
        node[last] = value
    return ModelSpec.model_validate(document)


def value_at(model: ModelSpec, path: str) -> Any:
    """Return the value of a setting; None if a family of your own does not set it."""
    node: Any = model
    for part in path.split("."):
        node = getattr(node, part) if isinstance(node, BaseModel) else (node or {}).get(part)
    return list(node) if isinstance(node, tuple) else node


def grid(dimensions: Sequence[Axis]) -> Iterator[dict[str, Any]]:
    """Yield every combination of the values, the last axis first."""
    for values in itertools.product(*(axis.values for axis in dimensions)):
        yield {axis.path: value for axis, value in zip(dimensions, values, strict=True)}


def named(settings: Settings) -> str:
    """Return a variation's name, in which each setting has the shortest unique end of its path."""
    return " ".join(f"{short}={settings[path]}" for path, short in shortened(settings).items())


def shortened(paths: Settings | Sequence[str]) -> dict[str, str]:
    """Return path -> its shortest end that no other path has."""
    labels = {}
    for path in paths:
        parts = path.split(".")
        ends = (".".join(parts[-count:]) for count in range(1, len(parts) + 1))
        others = [f".{other}" for other in paths if other != path]
        labels[path] = next(
            end for end in ends if not any(other.endswith(f".{end}") for other in others)
        )
    return labels


def families(model: ModelSpec, paths: Sequence[str]) -> list[str]:
    """Return the families that these settings affect; the seed affects all.

    Blends are left out, as they only follow their members, and what sites learned together.
    """
    elsewhere = ("blend", "federated")
    trained = [n for n, f in model.training.families.items() if f.family not in elsewhere]
    if ".".join(SEED) in paths:
        return trained
    named_in = {path.split(".")[len(FAMILIES)] for path in paths}
    return [name for name in trained if name in named_in]


def _place(model: ModelSpec, path: str) -> Place:
    """Return the place of a setting; raises ValueError naming the nearest if there is none."""
    parts = path.split(".")
    if parts[0] == "train":
        parts = [*FAMILIES, *parts[1:]]
    if tuple(parts) == SEED:
        return SEED
    if tuple(parts[:2]) != FAMILIES:
        near = suggest(parts[0], ["train", "training.families", "training.seed"])
        raise ValueError(f"experiments vary train.FAMILY.SETTING and training.seed{near}")
    node: Any = model.training.families
    for number, part in enumerate(parts[2:], start=2):
        node = _inside(node, part, ".".join(parts[:number]))
    if isinstance(node, (BaseModel, Mapping)):
        names = node if isinstance(node, Mapping) else type(node).model_fields
        listed = ", ".join(name for name in names if name != "family")
        raise ValueError(f"it is a group of settings; name one of {listed or 'none'}")
    if parts[-1] == "family":
        raise ValueError(
            "the family itself cannot be varied; add another one to training.families instead"
        )
    return tuple(parts)


def _inside(node: Any, part: str, where: str) -> Any:
    if isinstance(node, BaseModel):
        if part not in type(node).model_fields:
            raise ValueError(f"{where} has no {part!r}{suggest(part, type(node).model_fields)}")
        return getattr(node, part)
    if not isinstance(node, Mapping):
        raise ValueError(f"{where} is one value and holds no {part!r}")
    if where == ".".join(FAMILIES) and part not in node:
        raise ValueError(f"no family {part!r}{suggest(part, node)}")
    # A family of your own alone knows which settings it has.
    return node.get(part)


def _axis(model: ModelSpec, place: Place, given: str) -> Axis:
    path = ".".join(str(part) for part in place)
    if ".." in given:
        low, high = (_number(end) for end in given.split("..", maxsplit=1))
        if low >= high:
            raise ValueError(f"got {given}, wanted the smaller end first")
        low, high = (_taken(model, path, end) for end in (low, high))
        if isinstance(low, bool) or not isinstance(low, int | float):
            raise ValueError(
                f"got {given}, but only numeric settings take a range; list the values"
            )
        return Axis(place, low=low, high=high)
    values: list[Any] = []
    for value in _listed(given):
        taken = _taken(model, path, value)
        if not any(taken == one and type(taken) is type(one) for one in values):
            values.append(taken)
    return Axis(place, values=tuple(values))


def _listed(given: str) -> list[Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        values = YAML(typ="safe", pure=True).load(f"[{given}]")
    except (YAMLError, RecursionError):
        values = None
    if not isinstance(values, list):
        shown = given if len(given) <= 100 else f"{given[:100]}…"
        raise ValueError(f"got {shown!r}, wanted values as in YAML with commas between")
    if not values:
        raise ValueError("got no value; wanted one or more, with commas between")
    return values


def _number(text: str) -> float:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise ValueError(f"got {text!r} as the end of a range, wanted LOW..HIGH (15..255)")


def _taken(model: ModelSpec, path: str, value: Any) -> Any:
    """Return a value as the spec converts it; raises ValueError with the spec's message."""
    try:
        return value_at(vary(model, {path: value}), path)
    except ValidationError as error:
        said = {
            item["msg"].replace("Input should be", "wanted").removeprefix("Value error, ")
            for item in error.errors()
        }
        raise ValueError(f"got {value!r}: {'; '.join(sorted(said))}") from None
