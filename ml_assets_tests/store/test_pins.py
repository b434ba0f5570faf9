"""Pins: the first value stays, in its own environment, until it is dropped by name."""

from __future__ import annotations

from pathlib import Path

from ml_assets.store.home import Home


def test_a_pin_stays_until_it_is_dropped(tmp_path: Path) -> None:
    home = Home(tmp_path, "dev")
    home.pins.keep("dev", {"reference/sales/3": ["a", "b"], "reference/sales_old/3": ["x"]})
    home.pins.keep("dev", {"reference/sales/3": ["late"]})
    home.pins.keep("dev", {})
    assert home.pins.get("dev", "reference/sales/3") == ["a", "b"]
    assert home.pins.get("prod", "reference/sales/3") is None
    assert home.pins.drop("dev", "reference/sales/") == ["reference/sales/3"]
    assert home.pins.get("dev", "reference/sales/3") is None
    assert home.pins.get("dev", "reference/sales_old/3") == ["x"]
    home.close()
