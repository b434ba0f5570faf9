"""Flower's processes, forked instead of started: `test_rounds` starts them as users do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml_assets.federated import flower
from ml_assets_tests import warm


@pytest.fixture(scope="module")
def forked() -> Iterator[None]:
    """Fork what Flower's Python runs."""
    real = flower.python_of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flower, "python_of", lambda lock: warm.flower(real(lock)))
        yield
