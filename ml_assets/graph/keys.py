"""Dagster's keys of our assets, and back."""

from __future__ import annotations

import dagster as dg


def key_of(asset: str) -> dg.AssetKey:
    """Return Dagster's key of an asset."""
    return dg.AssetKey(asset.split("/"))


def asset_of(key: dg.AssetKey) -> str:
    """Return the asset of one of Dagster's keys."""
    return "/".join(key.path)
