"""A password that was written into a spec is in no message: of a command, or of Dagster."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ml_assets.errors import redacted
from ml_assets.keys import load
from ml_assets.spec.dataset import DatasetSpec
from ml_assets_tests.scaffold.shop import Shop, made

ADDRESS = "postgresql://ann:s3cret@host/db"
QUERY = {"url": "env:SHOP_DB", "query": "select 1"}
HIDDEN = "what was given is not shown, since it may hold a password"
WRONG: dict[str, tuple[Any, str]] = {
    "landing.sql.url": ({"sql": {**QUERY, "url": ADDRESS}}, "wanted env:NAME"),
    "landing.sql.url: wanted": ({"sql": {**QUERY, "url": 73555}}, HIDDEN),
    "landing.sql.url: wanted a": ({"sql": {**QUERY, "url": {"password": "s3cret"}}}, HIDDEN),
    "landing.sql": ({"sql": ADDRESS}, HIDDEN),
    "landing.sql:": ({"sql": "s3cret"}, HIDDEN),
    "landing": (ADDRESS, HIDDEN),
    "landing.pattern": ({"pattern": f"({ADDRESS}"}, "'(postgresql://***@host/db' is not a regular"),
    "landing.encoding": ({"pattern": "x", "encoding": ADDRESS}, "postgresql://***@host/db"),
    "landing.sql.every": ({"sql": {**QUERY, "every": "password=s3cret"}}, "'password=***'"),
    "landing.password": ({"pattern": "x", "password": "s3cret"}, "unknown key"),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("secrets")
    shop = made(folder)
    sys.path.insert(0, str(shop.root))
    yield shop
    sys.modules.pop("shop", None)
    load._imported.pop("shop", None)
    sys.path[:] = [path for path in sys.path if not Path(path).is_relative_to(folder)]


@pytest.mark.parametrize("place", WRONG)
def test_no_message_has_it(shop: Shop, place: str) -> None:
    landing, said = WRONG[place]
    shop.dataset({"id": {"type": "integer"}}, landing=landing)
    answer = shop("plan", code=2)
    assert f"{place.partition(':')[0]}: " in answer.err
    assert said in answer.err
    with chdir(shop.root), pytest.raises(Exception) as error:  # noqa: PT011
        dg.load_from_defs_folder(path_within_project=Path.cwd())
    shown = "".join(traceback.format_exception(error.value))
    assert "rows" in shown
    for secret in ("s3cret", "73555"):
        assert secret not in answer.out + answer.err + shown


def test_values_that_hold_no_secret_are_said() -> None:
    document = {"description": "d", "landing": {"pattern": "x"}, "columns": {"a": {"type": "int"}}}
    with pytest.raises(ValueError, match="input_value='int'"):
        DatasetSpec.model_validate(document)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("http://host:80/a", "http://host:80/a"),
        ("oracle://u:p@ss/w@h/d, wanted", "oracle://***@h/d, wanted"),
        ("host=h PWD=x;port=1", "host=h PWD=***;port=1"),
        ("sales@2024-01: no password", "sales@2024-01: no password"),
    ],
)
def test_addresses_and_pairs(text: str, left: str) -> None:
    assert redacted(text) == left
