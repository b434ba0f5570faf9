"""Which code servers `up` starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ml_assets.cli.locations import locations
from ml_assets.errors import RequestError
from ml_assets_tests.neighbours import street


def test_each_project_has_its_own_code_server_on_one_home(tmp_path: Path) -> None:
    with street(tmp_path, "sales") as projects:
        shop, toy = projects.shop, projects.toy
        own, other = locations(shop.workspace("prod"), [toy.root])
        assert (own.name, own.module, own.folder) == ("ml_assets", "shop.definitions", None)
        assert (other.name, other.module, other.folder) == ("toy", "toy.definitions", toy.root)
        assert (own.server, other.server) == ("code-server", "code-server-toy")
        assert own.port != other.port
        for item in (own, other):
            assert item.dagster == str(Path(sys.executable).with_name("dagster"))
            assert item.environ["ML_ASSETS_HOME"] == str(shop.shared)
            assert item.environ["ML_ASSETS_ENV"] == "prod"
            assert item.environ["DAGSTER_CODE_SERVER_PORT"] == str(item.port)
        program = toy.root / ".venv" / "bin" / "dagster"
        program.parent.mkdir(parents=True)
        program.touch()
        assert locations(shop.workspace(), [toy.root])[1].dagster == str(program)


def test_folders_that_are_no_other_project(tmp_path: Path) -> None:
    with street(tmp_path, "sales") as projects:
        shop = projects.shop.workspace()
        for folder in (tmp_path / "absent", tmp_path):
            with pytest.raises(RequestError, match="wanted the folder of another project"):
                locations(shop, [folder])
        with pytest.raises(RequestError, match="a project shop is served already"):
            locations(shop, [projects.shop.root])
        with pytest.raises(RequestError, match="a project toy is served already"):
            locations(shop, [projects.toy.root, projects.toy.root])
