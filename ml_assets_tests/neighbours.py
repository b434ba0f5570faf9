"""Two projects on one home: `shop` has the sales, `toy` a model on them and prices of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ml_assets.workspace import Workspace, locate
from ml_assets_tests.cli.shell import Shell, Site
from ml_assets_tests.projects import FILES, FORECAST, Toy, write_project

MODULE = "shop"
SHOP_SALES = "shop/defs/sales/defs.yaml"


def shop_files(*datasets: str) -> dict[str, str]:
    """Return the files of the project `shop` with some of the toy's datasets."""
    names = ["pyproject.toml", "toy/__init__.py", "toy/definitions.py", "toy/defs/__init__.py"]
    names += [f"toy/defs/{name}/defs.yaml" for name in datasets]
    return {
        name.replace("toy/", f"{MODULE}/"): FILES[name].replace('"toy"', f'"{MODULE}"')
        for name in names
    }


def reader_files(*datasets: str) -> dict[str, str]:
    """Return the toy's files without datasets, which it reads of `shop`."""
    left = {f"toy/defs/{name}/defs.yaml" for name in datasets}
    files = {name: text for name, text in FILES.items() if name not in left}
    for name in datasets:
        for before in (f"  dataset: {name}\n", f"{{dataset: {name}, "):
            after = before.replace(name, f"{MODULE}:{name}")
            files[FORECAST] = files[FORECAST].replace(before, after)
    return files


@dataclass
class Neighbour(Toy):
    """A project on a home that is not its own folder's."""

    shared: Path = field(kw_only=True)

    def workspace(self, env: str = "dev") -> Workspace:
        """Return where things are, as a process started in the project finds them."""
        return locate(self.root, {"ML_ASSETS_ENV": env, "ML_ASSETS_HOME": str(self.shared)})


@dataclass
class Street:
    """The two projects."""

    shop: Neighbour
    toy: Neighbour

    @property
    def shell(self) -> Shell:
        """Commands in the shop's folder, in this process: it has no modules of its own."""
        return Shell(self.shop.root, self.shop.shared)

    @property
    def site(self) -> Site:
        """Commands in the toy's folder."""
        site = Site(self.toy)
        site.home = self.toy.shared
        return site

    def clean(self) -> None:
        """Have the shop make all that landed there, and plan again, as a run does."""
        ran = self.shop.make()
        assert not ran.faults
        self.shop.plan()


@contextmanager
def street(root: Path, *datasets: str) -> Iterator[Street]:
    """Make both projects in a new folder; nothing has landed. The shop has these datasets."""
    root = root.resolve()
    write_project(root / "shop", shop_files(*datasets))
    write_project(root / "toy", reader_files(*datasets))
    home = root / "home"
    made = Street(Neighbour(root / "shop", shared=home), Neighbour(root / "toy", shared=home))
    try:
        yield made
    finally:
        made.shop.close()
        made.toy.close()
