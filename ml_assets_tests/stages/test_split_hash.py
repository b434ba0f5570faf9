"""Hash folds: test vectors, groups, strata, and rows that never move."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as each
from hypothesis import strategies as st

from ml_assets.stages.split.hash import _usual, split, uniform
from ml_assets_tests.handles import Given, given
from ml_assets_tests.stages.feature_batches import batch, batches, keys, rule


def folds(features: dict[str, Given], kept: Given | None = None, **changes: Any) -> dict[str, str]:
    """Return the fold of each key."""
    result = split(rule(kind="hash", **changes), features=features, kept=kept)
    found = keys(result, features)
    return {key: fold for fold, rows in found.items() for _, key in rows}


@pytest.mark.parametrize(
    ("text", "salt", "wanted"),
    [
        ("UA|1", "0", 0.24327893185149763),
        ("UA|1", "1", 0.5892686334831295),
        ("", "0", 0.9470405934303006),
        ("Zürich", "0", 0.7427389229405278),
    ],
)
def test_vectors(text: str, salt: str, wanted: float) -> None:
    assert uniform(pa.chunked_array([[text]]), salt).tolist() == [wanted]


MASK = 2**64 - 1


def by_inputs(numbers: Iterable[int]) -> list[str]:
    """Return keys of rows that are known by their inputs, given as numbers."""
    count: dict[int, int] = {}
    found = []
    for number in numbers:
        count[number] = count.get(number, 0) + 1
        found.append(f"\\I{number:032x}\\{count[number]}")
    return found


def siphash(key: bytes, data: bytes) -> int:
    """SipHash-2-4 written out (Aumasson and Bernstein 2012)."""
    k0, k1 = (int.from_bytes(key[at : at + 8], "little") for at in (0, 8))
    v = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]

    def half(a: int, b: int, left: int, then: int) -> None:
        v[a] = (v[a] + v[b]) & MASK
        v[b] = ((v[b] << left) | (v[b] >> (64 - left))) & MASK
        v[b] ^= v[a]
        v[a] = ((v[a] << then) | (v[a] >> (64 - then))) & MASK

    def rounds(count: int) -> None:
        for _ in range(count):
            half(0, 1, 13, 32)
            half(2, 3, 16, 0)
            half(0, 3, 21, 0)
            half(2, 1, 17, 32)

    whole = len(data) // 8 * 8
    words = [int.from_bytes(data[at : at + 8], "little") for at in range(0, whole, 8)]
    words.append(int.from_bytes(data[whole:], "little") | len(data) % 256 << 56)
    for word in words:
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def mixed(x: int) -> int:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def test_the_siphash_is_the_published_one() -> None:
    # The vector of the paper's appendix A.
    assert siphash(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5


@pytest.mark.parametrize("text", ["", "a", "UA|1", "exactly8", "Zürich", "2013-01-01 10:00|UA|1"])
def test_the_hash_is_what_the_page_says(text: str) -> None:
    secret = hashlib.sha256(b"salt").hexdigest()[:16].encode()
    wanted = (mixed(siphash(secret, text.encode())) >> 11) * 2.0**-53
    assert uniform(pa.chunked_array([[text]]), "salt").tolist() == [wanted]


def many(count: int = 400) -> list[str]:
    return [str(n) for n in range(count)]


def test_shares_are_about_as_asked() -> None:
    found = list(folds(batches({"1": many(4000)})).values())
    assert found.count("test") / 4000 == pytest.approx(0.2, abs=0.02)
    assert found.count("validation") / 4000 == pytest.approx(0.1, abs=0.02)


def test_the_salt_changes_the_folds() -> None:
    features = batches({"1": many()})
    assert folds(features, salt="1") != folds(features, salt="2")


def test_a_group_stays_together() -> None:
    owners = [str(n % 40) for n in range(400)]
    features = {"1": batch("1", many(), _group=pa.array(owners))}
    found = folds(features, group=("owner",))
    assert all(len({found[str(n)] for n in range(g, 400, 40)}) == 1 for g in range(40))
    assert len(set(found.values())) == 3


@pytest.mark.parametrize("stratify", [False, True])
def test_rows_of_equal_inputs_share_a_fold_and_all_count(stratify: bool) -> None:
    # 300 inputs in two batches, the first hundred of them twice in the second.
    labels = ["a" if n % 3 else "b" for n in range(300)]
    features = {
        "1": batch("1", by_inputs(range(300)), labels),
        "2": batch("2", by_inputs([*range(300), *range(100)]), [*labels, *["a"] * 100]),
    }
    result = split(rule(kind="hash", stratify=stratify), features=features)
    summary = result.outputs["summary"]
    assert (summary["equal_inputs"], summary["unkeyed"], summary["rows"]["superseded"]) == (
        400,
        0,
        0,
    )
    held: dict[str, set[str]] = {}
    for fold, rows in keys(result, features).items():
        for _, key in rows:
            held.setdefault(key[:34], set()).add(fold)
    assert len(held) == 300
    assert all(len(names) == 1 for names in held.values())
    assert sum(summary["rows"][fold] for fold in ("train", "validation", "test")) == 700
    if stratify:
        kept = given(result.outputs["assignment"])
        assert len(kept.table()) == 300
        again = split(rule(kind="hash", stratify=True), features=features, kept=kept)
        assert keys(again, features) == keys(result, features)


def test_the_class_of_equal_inputs_is_that_of_most() -> None:
    unit = np.array([0, 1, 0, 2, 0, 1])
    found = _usual(unit, pa.array(["b", "d", "a", "e", "a", "c"]))
    assert found.to_pylist() == ["a", "c", "e"]


def test_a_row_without_a_group_is_its_own() -> None:
    owners = [*[str(n % 40) for n in range(300)], *[f"\\K{n}" for n in range(300, 400)]]
    features = {"1": batch("1", many(), _group=pa.array(owners))}
    result = split(rule(kind="hash", group=("owner",)), features=features)
    assert result.outputs["summary"]["ungrouped"] == 100
    found = folds(features, group=("owner",))
    assert len({found[str(n)] for n in range(300, 400)}) == 3


def test_repeated_keys_count_once_with_their_last_values() -> None:
    features = batches({"1": many(), "2": many(10)})
    result = split(rule(kind="hash"), features=features)
    found = {key: name for rows in keys(result, features).values() for name, key in rows}
    assert found["3"] == "2"
    assert found["11"] == "1"
    assert result.outputs["summary"]["rows"]["superseded"] == 10
    text = split(rule("error", kind="hash"), features=features).outputs["summary"]["waiting"]
    assert text.startswith("10 row keys occur in more than one batch")


def test_unlabelled_rows_are_in_no_fold() -> None:
    features = {"1": batch("1", many(), [1.0, None] * 200)}
    result = split(rule(kind="hash"), features=features)
    assert result.outputs["summary"]["rows"]["unlabelled"] == 200
    assert len(folds(features)) == 200


def test_an_empty_fold_waits() -> None:
    summary = split(rule(kind="hash"), features=batches({"1": []})).outputs["summary"]
    assert summary["waiting"] == (
        "needs labelled rows in every fold (test 0.2, validation 0.1), has 0 labelled rows, "
        "none for train and validation and test"
    )


@each(st.lists(st.integers(0, 3), min_size=60, max_size=60), st.sets(st.integers(0, 3)))
def test_a_row_never_moves_whatever_batches_are_there(place: list[int], gone: set[int]) -> None:
    content = {str(b): [str(k) for k, at in enumerate(place) if at == b] for b in range(4)}
    whole = folds(batches(content), test=0.4, validation=0.3)
    left = {name: held for name, held in content.items() if int(name) not in gone}
    for key, fold in folds(batches(left), test=0.4, validation=0.3).items():
        assert not whole or whole[key] == fold


def strata(count: int, start: int = 0) -> Given:
    """Return rows of which every tenth is of class b."""
    names = [str(n) for n in range(start, start + count)]
    return batch(f"{start}", names, ["b" if n % 10 == 0 else "a" for n in range(count)])


def test_each_fold_has_its_share_of_each_class() -> None:
    found = folds({"1": strata(1000)}, stratify=True)
    rare = [fold for key, fold in found.items() if int(key) % 10 == 0]
    assert (rare.count("test"), rare.count("validation")) == (20, 10)
    assert list(found.values()).count("test") == 200


def test_an_assignment_is_kept() -> None:
    first = split(rule(kind="hash", stratify=True), features={"1": strata(200)})
    kept = given(first.outputs["assignment"])
    before = dict(zip(*(column.to_pylist() for column in kept.table().columns), strict=True))
    assert list(before) == sorted(before)
    # The batch comes again with other classes, half its rows and some new ones; another too.
    again = batch("1", [str(n) for n in range(100, 250)], ["b"] * 150)
    features = {"1": again, "2": strata(100, 1000)}
    second = split(rule(kind="hash", stratify=True), features=features, kept=kept)
    found = {key: fold for fold, rows in keys(second, features).items() for _, key in rows}
    assert all(found[str(n)] == before[str(n)] for n in range(100, 200))
    after = second.outputs["assignment"]
    assert len(after) == 350
    assert set(found) <= set(after["_key"].to_pylist())


def test_an_unlabelled_row_is_assigned_once_it_has_a_label() -> None:
    features = {"1": batch("1", ["x", *many()], [None, *["a"] * 400])}
    result = split(rule(kind="hash", stratify=True), features=features)
    assert "x" not in result.outputs["assignment"]["_key"].to_pylist()
    assert len(result.outputs["assignment"]) == 400


@pytest.mark.parametrize("stratify", [False, True])
def test_rows_without_a_key_are_spread_as_rows_of_their_own(stratify: bool) -> None:
    # The same line of 200 batches, beside a row with a key.
    features = {str(n): batch(str(n), [f"k{n}", "\\L3"]) for n in range(200)}
    result = split(rule(kind="hash", stratify=stratify), features=features)
    summary = result.outputs["summary"]
    assert summary["rows"]["superseded"] == 0
    assert sum(summary["rows"][fold] for fold in ("train", "validation", "test")) == 400
    assert summary["unkeyed"] == 200
    found = [fold for fold, rows in keys(result, features).items() for _, k in rows if k == "\\L3"]
    if not stratify:
        assert found.count("test") / 200 == pytest.approx(0.2, abs=0.1)
        assert found.count("validation") / 200 == pytest.approx(0.1, abs=0.1)
        return
    # An assignment tells them apart, and is kept.
    kept = given(result.outputs["assignment"])
    assert len(kept.table()) == len(set(kept.table()["_key"].to_pylist())) == 400
    again = split(rule(kind="hash", stratify=True), features=features, kept=kept)
    assert keys(again, features) == keys(result, features)
