"""Landings and withdrawals: what is in, and for whom."""

from __future__ import annotations

from ml_assets.store.batches import Withdrawn
from ml_assets.store.home import Home


def _land(home: Home, digest: str, again: bool = False) -> bool:
    return home.batches.land("toy", "m1", digest, f"{digest}.csv", again)


def _in(home: Home, env: str = "dev") -> list[str]:
    """Return the digests that are in for an environment, newest first."""
    out = home.batches.withdrawn(env).get(("toy", "m1"))
    landed = home.batches.landed().get(("toy", "m1"), [])
    return [item.digest for item in landed if out is None or item.id > out.upto]


def test_the_same_content_lands_once(home: Home) -> None:
    assert [_land(home, "A"), _land(home, "A")] == [True, False]
    ((place, (landed,)),) = home.batches.landed().items()
    assert place == ("toy", "m1")
    assert (landed.dataset, landed.batch, landed.digest, landed.name) == ("toy", "m1", "A", "A.csv")


def test_naming_it_again_adds_nothing_while_it_is_in(home: Home) -> None:
    _land(home, "A")
    assert not _land(home, "A", again=True)


def test_other_bytes_come_first_and_the_old_stay(home: Home) -> None:
    assert [_land(home, digest) for digest in "ABA"] == [True, True, True]
    assert _in(home) == ["A", "B", "A"]


def test_batches_and_datasets_are_apart(home: Home) -> None:
    _land(home, "A")
    assert home.batches.land("toy", "m2", "A", "x")
    assert home.batches.land("other", "", "A", "y")
    assert set(home.batches.landed()) == {("toy", "m1"), ("toy", "m2"), ("other", "")}


def test_withdrawn_bytes_stay_out(home: Home) -> None:
    _land(home, "A")
    assert home.batches.withdraw("dev", "toy", "m1", "wrong month")
    assert not _land(home, "A")
    assert _in(home) == []
    withdrawn = home.batches.withdrawn("dev")["toy", "m1"]
    assert isinstance(withdrawn, Withdrawn)
    assert withdrawn.reason == "wrong month"


def test_other_bytes_are_in_after_a_withdrawal(home: Home) -> None:
    _land(home, "A")
    home.batches.withdraw("dev", "toy", "m1", "r")
    assert _land(home, "B")
    assert _in(home) == ["B"]


def test_naming_it_again_brings_it_in(home: Home) -> None:
    _land(home, "A")
    home.batches.withdraw("dev", "toy", "m1", "r")
    assert _land(home, "A", again=True)
    assert _in(home) == ["A"]
    assert not _land(home, "A", again=True)


def test_withdrawals_are_each_environments_own(home: Home) -> None:
    _land(home, "A")
    home.batches.withdraw("dev", "toy", "m1", "r")
    assert (_in(home, "dev"), _in(home, "prod")) == ([], ["A"])
    assert home.batches.withdrawn("prod") == {}
    _land(home, "A", again=True)
    assert (_in(home, "dev"), _in(home, "prod")) == (["A"], ["A", "A"])


def test_the_newest_withdrawal_counts(home: Home) -> None:
    _land(home, "A")
    home.batches.withdraw("dev", "toy", "m1", "first")
    _land(home, "B")
    home.batches.withdraw("dev", "toy", "m1", "second")
    assert home.batches.withdrawn("dev")["toy", "m1"].reason == "second"
    assert _in(home) == []


def test_nothing_to_withdraw(home: Home) -> None:
    assert not home.batches.withdraw("dev", "toy", "m9", "r")
    assert home.batches.withdrawn("dev") == {}


def test_files_are_remembered_by_their_newest_stat(home: Home) -> None:
    home.batches.remember_file("landing/toy/a.csv", "1", "A")
    home.batches.remember_file("landing/toy/a.csv", "2", "B")
    assert home.batches.known_files() == {"landing/toy/a.csv": ("2", "B")}
