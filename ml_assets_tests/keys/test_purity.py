"""Clocks, chance, network and files in hooks are named with their line; the rest is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets.keys.purity import impurities, look
from ml_assets.keys.suspects import CHANCE, CLOCK, CODE, FILES, NETWORK, SURROUNDINGS
from ml_assets.spec.project import read_project
from ml_assets.workspace import PACKAGE, Workspace
from ml_assets_tests.projects import Toy


@pytest.mark.parametrize(
    ("code", "what", "reason"),
    [
        ("import time\ntime.time()", "time.time", CLOCK),
        ("from time import monotonic as m\nm()", "m", CLOCK),
        ("import datetime as dt\ndt.datetime.now()", "dt.datetime.now", CLOCK),
        ("from datetime import date\ndate.today()", "date.today", CLOCK),
        ("import pandas as pd\npd.Timestamp.now('UTC')", "pd.Timestamp.now", CLOCK),
        ("import random\nrandom.random()", "random.random", CHANCE),
        ("import numpy as np\nnp.random.rand(3)", "np.random.rand", CHANCE),
        ("import numpy as np\nnp.random.default_rng()", "np.random.default_rng", CHANCE),
        ("from numpy.random import normal\nnormal()", "normal", CHANCE),
        ("import uuid\nuuid.uuid4()", "uuid.uuid4", CHANCE),
        ("frame = 1\nframe.sample(3)", ".sample()", CHANCE),
        ("import requests\nrequests.get('x')", "requests.get", NETWORK),
        ("import urllib.request\nurllib.request.urlopen('x')", "urllib.request.urlopen", NETWORK),
        ("\nopen('x')", "open", FILES),
        ("from pathlib import Path\nPath('x').read_text()", ".read_text()", FILES),
        ("import pandas as pd\npd.read_csv('x')", "pd.read_csv", FILES),
        ("import pyarrow.parquet as pq\npq.read_table('x')", "pq.read_table", FILES),
        ("import os\nos.environ['X']", "os.environ", SURROUNDINGS),
        ("from pathlib import Path\nPath('x').open()", ".open()", FILES),
        ("from pathlib import Path\nPath.open(Path('x'))", "Path.open", FILES),
        ("from pathlib import Path\nPath('x').iterdir()", ".iterdir()", FILES),
        ("import gzip\ngzip.open('x')", "gzip.open", FILES),
        ("import zipfile as z\nz.ZipFile('x')", "z.ZipFile", FILES),
        ("import pkgutil\npkgutil.get_data('toy', 'x')", "pkgutil.get_data", FILES),
        ("from pkgutil import get_data\nget_data('toy', 'x')", "get_data", FILES),
        ("from importlib import resources\nresources.files('toy')", "resources.files", FILES),
        ("import importlib.resources as r\nr.files('toy')", "r.files", FILES),
        ("import polars as pl\npl.scan_csv('x')", "pl.scan_csv", FILES),
        ("import sys\nsys.path.insert(0, 'x')", "sys.path", CODE),
        ("import sys\nsys.path += ['x']", "sys.path", CODE),
        ("import importlib\nimportlib.import_module('x')", "importlib.import_module", CODE),
        ("from importlib import import_module as im\nim('x')", "im", CODE),
        ("\n__import__('x')", "__import__", CODE),
        ("import runpy\nrunpy.run_path('x')", "runpy.run_path", CODE),
        (
            "import importlib.util as u\nu.spec_from_file_location('x', 'y')",
            "u.spec_from_file_location",
            CODE,
        ),
    ],
)
def test_what_is_impure(code: str, what: str, reason: str) -> None:
    (found,) = look(code, Path("features.py"))
    assert (found.line, found.what, found.reason) == (2, what, reason)
    assert str(found) == f"features.py:2: {what} {reason}"


@pytest.mark.parametrize(
    "code",
    [
        "import numpy as np\nnp.random.default_rng(7).normal()",
        "import random\nrandom.Random(3).random()",
        "frame.sample(3, random_state=1)",
        "import datetime as dt\ndt.datetime(2020, 1, 1)",
        "import time\ntime.strptime('2020', '%Y')",
        "import pandas as pd\npd.to_datetime(['2020-01-01'])",
        "frame['time'].dt.day\nopened = 1\nhash_of = 2",
        "import numpy as np\nnp.log1p(3)\nnp.random.Generator",
        "import uuid\nuuid.UUID('0' * 32)",
        "import urllib.parse\nurllib.parse.quote('x')",
        "import time\ntime.time()  # pure: only for a log",
    ],
)
def test_what_is_not(code: str) -> None:
    assert list(look(code, Path("features.py"))) == []


def test_every_hook_and_what_it_imports_is_looked_at(toy: Toy) -> None:
    planner = toy.planner()
    assert impurities(planner.workspace, planner.project) == []
    toy.edit(
        "toy/defs/forecast/helpers.py",
        '"""What several features share."""',
        '"""What several features share."""\n\nimport time\n\nSTART = time.time()',
    )
    (found,) = impurities(planner.workspace, planner.project)
    assert found.file == str(toy.root / "toy" / "defs" / "forecast" / "helpers.py")
    assert (found.line, found.what) == (5, "time.time")


def test_the_definitions_that_are_shipped_are_pure(tmp_path: Path) -> None:
    workspace = Workspace(PACKAGE / "defs", "ml_assets.defs", tmp_path, "dev")
    assert impurities(workspace, read_project(workspace.defs)) == []


def test_a_hook_that_is_no_python_does_not_hide_the_others(toy: Toy) -> None:
    folder = toy.root / "toy" / "defs" / "forecast"
    (folder / "checks.py").write_text("def broken(:\n")
    toy.edit(
        "toy/defs/forecast/defs.yaml",
        "  evaluation:\n",
        "  checks: {one: 'checks.py:broken', two: 'gone.py:check'}\n  evaluation:\n",
    )
    (folder / "features.py").write_text("import time\n\nSTART = time.time()\n")
    planner = toy.planner()
    (found,) = impurities(planner.workspace, planner.project)
    assert (found.line, found.what) == (3, "time.time")
