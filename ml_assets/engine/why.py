"""Why an action runs: which ingredient of its key changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml_assets.moved import moved
from ml_assets.store.records import ActionRecord

UNSET = "unset"


def reasons(now: Mapping[str, Any], before: ActionRecord | None) -> list[str]:
    """Return the differences between an action's present and previous ingredients."""
    if before is None:
        return ["never materialized"]
    then = before.ingredients
    if then["stage"] != now["stage"]:
        # Code and inputs of another stage all differ; listing them would hide the reason.
        return [f"stage: {_stage(then['stage'])}→{_stage(now['stage'])}"]
    changes = [*_code(then["code"], now["code"]), *_tree("spec", then["params"], now["params"])]
    changes += _versions(then["environment"], now["environment"])
    changes += _inputs(then["inputs"], now["inputs"])
    if not changes and then.get("order") != now.get("order"):
        changes.append("spec: the order of its keys changed")
    if then["hooks"] != now["hooks"]:
        changes.append("function: a different function is named")
    return changes or ["its stored result is missing or damaged"]


def _stage(named: str) -> str:
    """Return the function name of a stage, such as `withdrawn`."""
    return named.rpartition(":")[2]


def _code(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*then, *now}):
        known = moved.now(name)
        if name not in now:
            yield f"code: {known} is no longer used"
        elif name not in then:
            yield f"code: {known} is new"
        elif then[name] != now[name]:
            yield f"code: {known} changed"


def _versions(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*then, *now}):
        if then.get(name) != now.get(name):
            yield f"environment: {name} {then.get(name, 'absent')}→{now.get(name, 'absent')}"


def _tree(path: str, then: Any, now: Any) -> Iterator[str]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in sorted({*then, *now}):
            place = f"{path}.{key}" if path != "spec" else f"spec: {key}"
            # A field that was added later is in no key while it has its default.
            yield from _tree(place, then.get(key, UNSET), now.get(key, UNSET))
    elif then != now:
        yield f"{path} {_short(then)}→{_short(now)}"


def _inputs(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*then, *now}):
        if then.get(name) != now.get(name):
            yield from _input(name, then.get(name), now.get(name))


def _input(name: str, then: Any, now: Any) -> Iterator[str]:
    if _is_named(then) and _is_named(now):
        old, new = dict(then), dict(now)
        if old == new:
            yield f"input {name}: order changed"
        for key in sorted({*old, *new}):
            if key not in new:
                yield f"input {name} [{key}] is gone"
            elif key not in old:
                yield f"input {name} [{key}] is new"
            elif old[key] != new[key]:
                yield from _input(f"{name} [{key}]", old[key], new[key])
    else:
        yield f"input {name} {_short(then)}→{_short(now)}"


def _is_named(tree: Any) -> bool:
    return isinstance(tree, list) and all(
        isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) for item in tree
    )


def _short(value: Any) -> str:
    if isinstance(value, list):
        text = f"[{', '.join(_short(item) for item in value)}]"
        return text if len(text) <= 120 else f"[{len(value)} items]"
    text = str(value)
    if text.startswith("d1:"):
        return text[3:9] + "…"
    return text if len(text) <= 40 else text[:39] + "…"
