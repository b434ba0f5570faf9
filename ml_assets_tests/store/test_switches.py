"""Switches of an environment."""

from __future__ import annotations

from ml_assets.store.home import Home
from ml_assets.store.switches import paused, set_paused


def test_each_environment_is_paused_and_resumed_by_itself(home: Home) -> None:
    prod = home.other("prod")
    assert not paused(home)
    set_paused(home, True)
    set_paused(home, True)
    assert (paused(home), paused(prod)) == (True, False)
    set_paused(home, False)
    assert not paused(home)
    prod.close()
