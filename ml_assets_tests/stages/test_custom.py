"""A user's own check: what it may return, and what a fault says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml_assets.errors import HookError
from ml_assets.spec.model import OwnCheck
from ml_assets.stages.check.custom import check
from ml_assets.stages.result import Check
from ml_assets_tests.handles import given

SPEC = OwnCheck(name="enough", function="checks.py:enough")


def verdict(hook: Callable[[pd.DataFrame], Any]) -> Check:
    """Run a check on two rows."""
    table = pa.table({"_line": [2, 3], "a": [1, 2]})
    return check(SPEC, hook=hook, table=given(table)).checks[0]


@pytest.mark.parametrize("passed", [True, False, np.True_])
def test_a_bool(passed: bool) -> None:
    found = verdict(lambda frame: passed)
    assert (found.name, found.passed) == ("enough", bool(passed))
    assert found.description.startswith("checks.py:enough ")


def test_it_is_handed_the_frame_without_our_columns() -> None:
    found = verdict(lambda frame: (list(frame.columns) == ["a"], {"rows": len(frame)}))
    assert found.passed
    assert found.metadata == {"rows": 2}


def test_a_check_of_its_own_keeps_all_but_the_name() -> None:
    found = verdict(lambda frame: Check("other", None, "not today", "warn", {"n": 1}))
    assert found == Check("enough", None, "not today", "warn", {"n": 1})


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "checks.py:enough returned NoneType, wanted True or False"),
        ((True, 1), "checks.py:enough returned tuple, wanted"),
        ((True, {"a": float("nan")}), "returned metadata that is not plain JSON"),
        ((True, {"a": object()}), "returned metadata that is not plain JSON"),
    ],
)
def test_anything_else_is_a_fault_of_the_hook(returned: object, said: str) -> None:
    with pytest.raises(HookError, match=said):
        verdict(lambda frame: returned)


def test_a_hook_that_raises() -> None:
    with pytest.raises(HookError, match=r"checks.py:enough raised KeyError at line \d+: 'b'"):
        verdict(lambda frame: frame["b"])
