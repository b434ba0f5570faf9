"""A release bundle as a model that is served, without a home or a project.

Belongs here: what is taken from a bundle's files. Does not belong here: its golden rows
(`bundle_golden`), checksums and signatures (`release`).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ml_assets.errors import MlAssetsError, RequestError, StageError
from ml_assets.history.stored_code.loaded import stored_modules
from ml_assets.release.check import problems
from ml_assets.release.read import Bundle, document, read
from ml_assets.release.sign import signature_problems
from ml_assets.serve.bundle import BundleTables, datasets_of, join_of, scorer_of
from ml_assets.serve.learned import Ranges
from ml_assets.serve.model import LoadedVersion, Predictor
from ml_assets.serve.service.bundle_golden import check
from ml_assets.serve.service.example import request_of
from ml_assets.serve.service.served import Served
from ml_assets.serve.service.worker_settings import Bundles
from ml_assets.stages import parquet
from ml_assets.stages.hook import Hook
from ml_assets.stages.release.files import CODE, ROWS, sha256
from ml_assets.stages.release.raw import FOLDER
from ml_assets.stages.release.release import INTERVALS
from ml_assets.stages.score.answer import PROBLEM

MODEL, SCHEMA = "model.json", "schema.json"


def served_of(asked: Bundles) -> list[Served]:
    """Return the models of bundles, loaded, after each gave its golden rows their predictions.

    RequestError names everything that is wrong with any of them.
    """
    served, wrong = [], []
    given = [join_of(text) for text in asked.joins]
    known: set[str] = set()
    for path in asked.paths:
        try:
            bundle = _checked(
                Path(path), None if asked.public_key is None else Path(asked.public_key)
            )
            raw = document(bundle.files[ROWS])
            known |= set(raw["joined"])
            here = [join for join in given if join[0] in raw["joined"]]
            served.append(_served(bundle, raw, here))
        except (MlAssetsError, OSError) as error:
            wrong.append(f"{path}: {error}")
    names = [model.name for model in served]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        wrong.append(f"{', '.join(twice)}: several bundles of one model; a service has one of each")
    lost = sorted({name for name, _, _ in given} - known)
    if lost and not wrong:
        joined = ", ".join(sorted(known)) or "nothing"
        wrong.append(f"--join {', '.join(lost)}: the models join {joined}")
    if wrong:
        raise RequestError("\n".join(wrong))
    return served


def _checked(path: Path, public_key: Path | None) -> Bundle:
    """Return a bundle, every byte of which is as it was written, that scores raw rows."""
    bundle = read(path)
    bad = [*problems(bundle), *signature_problems(bundle, public_key)]
    if bad:
        raise RequestError("; ".join(f"{item.file} {item.said}" for item in bad[:10]))
    if ROWS not in bundle.files:
        raise RequestError(
            "the bundle scores the model's inputs only, by its score.py; to serve it, set "
            "`release: {rows: true}` in the model's spec and release it again"
        )
    return bundle


def _served(
    bundle: Bundle, raw: Mapping[str, Any], joins: Sequence[tuple[str, str | None, Path]]
) -> Served:
    tables = BundleTables(bundle.files.__getitem__, raw)
    for join in joins:
        tables.read(*join)
    about, model = bundle.about, bundle.files[MODEL]
    columns = document(bundle.files[SCHEMA])["columns"]
    ranges: Ranges = {c["name"]: tuple(c["range"]) for c in columns if c.get("range")}
    scorer = scorer_of(raw, model, bundle.files.get(INTERVALS), _hook(bundle, raw))
    state = LoadedVersion(
        version=int(about["version"].removeprefix("v")),
        digest=about["candidate"],
        document=sha256(model),
        scorer=scorer,
        datasets=datasets_of(raw),
        tables=tables.tables(),
        learned=_learned,
        ranges=lambda: ranges,
    )
    check(bundle, raw, state)
    predictor = Predictor(about["model"], tables.load, state)
    return Served(predictor.name, predictor, example=_example(bundle, raw, predictor))


def _learned() -> pa.Table:
    raise StageError(
        "a bundle has no training rows, which explanations of this model need: ask a service of "
        "the model's home"
    )


def _hook(bundle: Bundle, raw: Mapping[str, Any]) -> Hook | None:
    """Return the features function, from the code of the bundle."""
    if raw["function"] is None:
        return None
    with zipfile.ZipFile(io.BytesIO(bundle.files[CODE])) as code:
        texts = {_module(name): code.read(name).decode() for name in code.namelist()}
    hook: Hook = stored_modules(texts, sha256(bundle.files[CODE])).function(raw["function"])
    return hook


def _module(path: str) -> str:
    """Return the module of a path in the archive of code.

    >>> _module("code/shop/features.py"), _module("code/shop/__init__.py")
    ('shop.features', 'shop')
    """
    inside = path.removeprefix(f"{FOLDER}/").removesuffix(".py").removesuffix("/__init__")
    return inside.replace("/", ".")


def _example(bundle: Bundle, raw: Mapping[str, Any], predictor: Predictor) -> dict[str, Any] | None:
    """Return the body of a request that works, with the first golden raw row; None if none does."""
    golden = raw["golden"]
    if "file" not in golden:
        return None
    row = parquet.read(bundle.files[golden["file"]]).slice(0, 1).to_pylist()[0]
    body = request_of(predictor, row, golden["batch"])
    answer = predictor.predict(body["rows"], batch=body.get("batch"))
    # Its joined rows may not be there.
    return body if answer[PROBLEM][0].as_py() is None else None
