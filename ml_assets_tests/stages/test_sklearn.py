"""The family sklearn: every estimator of the list, kept without pickle, the same to the bit."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ml_assets.engine.recipes.release import licences, programs
from ml_assets.errors import NotExpressible, StageError
from ml_assets.release.read import unpacked
from ml_assets.release.score import foreign, score
from ml_assets.spec import estimators
from ml_assets.spec.families import Estimator, Sklearn
from ml_assets.stages.release.onnx import to_onnx
from ml_assets.stages.train import estimator
from ml_assets.stages.train.predict import predict
from ml_assets_tests.release.bundles import bundle_bytes, files_of, released
from ml_assets_tests.stages.flights import World, module

RIDGE = "sklearn.linear_model.Ridge"
QUICK: dict[str, dict[str, Any]] = {
    "sklearn.neural_network.MLPRegressor": {"max_iter": 20, "hidden_layer_sizes": [5]},
    "sklearn.neural_network.MLPClassifier": {"max_iter": 20, "hidden_layer_sizes": [5]},
    "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis": {"reg_param": 0.1},
    "sklearn.preprocessing.QuantileTransformer": {"n_quantiles": 20},
}


def family(name: str, **settings: Any) -> Sklearn:
    given = {"settings": QUICK.get(name, {}), **settings}
    return Sklearn.model_validate({"family": "sklearn", "estimator": name, **given})


EVERY = [
    *(("regression", family(name)) for name in estimators.REGRESSORS),
    *(("binary", family(name)) for name in estimators.CLASSIFIERS),
    *(("multiclass", family(name)) for name in estimators.CLASSIFIERS),
    *(
        ("regression", family(RIDGE, steps=[Estimator(estimator=n, settings=QUICK.get(n, {}))]))
        for n in estimators.TRANSFORMERS
    ),
]


def named(case: Any) -> str:
    if isinstance(case, str):
        return case
    return "-".join(e.estimator.rpartition(".")[2] for e in (*case.steps, case))


def world(task: str) -> World:
    """Return days of 20 rows; targets above 0, which some regressors need."""
    found = World(task, rows=20)
    if task == "regression":
        found.change("_target", lambda table: pa.array(np.exp(table["_target"].to_numpy() / 50)))
    return found


def document(result: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(result.outputs["model"], allow_nan=False))
    return found


@pytest.mark.parametrize(("task", "asked"), EVERY, ids=named)
def test_a_row_alone_and_in_a_batch_and_two_trainings_are_the_same(
    task: str, asked: Sklearn
) -> None:
    days = world(task)
    fitted = days.fit(asked, metric="mae" if task == "regression" else "log_loss")
    model = document(days.refit(asked, fitted))
    again = document(days.refit(asked, fitted))
    assert again == model
    tables = [days.features[day].table() for day in list(days.features)[:5]]
    rows = pa.concat_tables(tables).unify_dictionaries()
    whole = predict(model, module("sklearn"), rows)
    alone = [predict(model, module("sklearn"), rows.slice(n, 1))[0] for n in (0, 1, 63, 64, 99)]
    assert np.array_equal(np.array(alone), whole[[0, 1, 63, 64, 99]])
    assert np.isfinite(whole).all()
    if task == "multiclass":
        assert whole.shape == (100, 3)
        assert whole.sum(axis=1) == pytest.approx(1.0)


def test_it_predicts_what_scikit_learn_does() -> None:
    days = World()
    model = document(days.fit(family(RIDGE, settings={"alpha": 2.0}, scale=False)))
    train = pa.concat_tables([days.features[f"day{n}"].table() for n in range(6)])
    train, test = train.unify_dictionaries(), days.features["day8"].table()
    columns = [_matrix(table, np.nanmedian(train["wind"].to_numpy())) for table in (train, test)]
    theirs = Ridge(alpha=2.0).fit(columns[0], train["_target"].to_numpy())
    assert predict(model, module("sklearn"), test) == pytest.approx(theirs.predict(columns[1]))


def _matrix(table: pa.Table, wind: float) -> Any:
    carrier = np.array(table["carrier"].to_pylist())
    numbers = [table[name].to_numpy().astype(float) for name in ("hour", "wind", "holiday")]
    numbers[1] = np.where(np.isnan(numbers[1]), wind, numbers[1])
    return np.column_stack([*(carrier == name for name in ("AA", "DL", "UA")), *numbers])


def test_weights_of_an_estimator_that_takes_none_are_noted() -> None:
    days = World("binary", rows=20)
    name = "sklearn.neighbors.KNeighborsClassifier"
    notes = days.fit(family(name, class_weight="balanced", max_rows=50)).metadata["notes"]
    assert notes == [
        f"{name} takes no weights: its rows count alike",
        "fitted on 51 of 120 evenly spaced rows",
    ]


def test_what_scikit_learn_refuses_is_said() -> None:
    days = World(rows=20)
    days.change("_target", pa.array([-1.0, *range(19)], pa.float64()))
    with pytest.raises(StageError, match=r"GammaRegressor cannot learn from these rows: Some"):
        days.fit(family("sklearn.linear_model.GammaRegressor"))


def test_a_damaged_document_is_refused() -> None:
    days = World(rows=20)
    model = document(days.fit(family("sklearn.svm.SVR")))
    fewer = copy.deepcopy(model)
    fewer["state"]["inputs"].pop()
    with pytest.raises(StageError, match="damaged: got 6 inputs, wanted 5"):
        predict(fewer, module("sklearn"), days.features["day8"].table())
    other = copy.deepcopy(model)
    text = json.dumps(other["state"]["pipeline"]["schema"])
    text = text.replace('"StandardScaler"', '"ColumnTransformer"', 1)
    other["state"]["pipeline"]["schema"] = json.loads(text.replace("_data", "os", 1))
    with pytest.raises(StageError, match="damaged: types that are not trusted"):
        predict(other, module("sklearn"), days.features["day8"].table())


def test_code_of_ones_own_is_not_kept() -> None:
    pipeline = make_pipeline(FunctionTransformer(named), Ridge())
    with pytest.raises(estimator.Damaged, match=r"types that are not trusted: .*named"):
        estimator.kept(pipeline)


def test_a_bundle_predicts_the_same_and_says_why_it_has_no_onnx() -> None:
    asked = family("sklearn.linear_model.LogisticRegression")
    shipped = programs("sklearn")
    assert shipped["requirements.txt"].count("skops==") == 1
    more = {"files": shipped, "target_unit": None, "licences": licences("sklearn")}
    made = released("binary", asked, **more)
    files, bundle = files_of(made), unpacked(bundle_bytes(made), "delay")
    said = json.loads(files["bundle.json"])["onnx"]
    why = "sklearn.linear_model.LogisticRegression is kept as scikit-learn has it"
    assert said == {"file": None, "reason": f"{why}, and has no ONNX operators"}
    assert "score_edge.py" not in files
    assert foreign(bundle) == []
    scored, wrong = score(bundle, here=True)
    assert not wrong
    assert [(item.program, item.largest) for item in scored] == [("score.py", 0.0)]
    with pytest.raises(NotExpressible, match=why):
        to_onnx(document(World("binary", rows=20).fit(asked)))


@pytest.mark.parametrize(
    ("task", "given", "said"),
    [
        ("regression", {"estimator": "sklearn.linear_model.Rigde"}, "did you mean"),
        ("regression", {"estimator": "sklearn.svm.svr"}, "did you mean 'sklearn.svm.SVR'?"),
        ("binary", {"estimator": "sklearn.svm.SVC"}, "gives no probabilities of classes"),
        ("binary", {"estimator": RIDGE}, f"no classifier '{RIDGE}'"),
        (
            "regression",
            {"estimator": "sklearn.ensemble.RandomForestRegressor"},
            "is a family of its own: `family: random_forest`",
        ),
        ("regression", {"estimator": RIDGE, "settings": {"alfa": 1}}, "did you mean 'alpha'?"),
        (
            "regression",
            {"estimator": RIDGE, "settings": {"alpha": -1}},
            "must be a float in the range",
        ),
        ("regression", {"estimator": RIDGE, "settings": {"copy_X": True}}, "set by ml_assets"),
        (
            "regression",
            {"estimator": RIDGE, "steps": [{"estimator": "os.system"}]},
            "no transformer 'os.system'",
        ),
    ],
)
def test_wrong_estimators_are_explained(task: str, given: dict[str, Any], said: str) -> None:
    asked = Sklearn.model_validate({"family": "sklearn", **given})
    found = [why for _, why in asked.mistakes(task)]
    assert len(found) == 1
    assert said in found[0]


def test_the_docs_name_every_estimator() -> None:
    text = Path("docs/reference/families.md").read_text(encoding="utf-8")
    for name in (*estimators.REGRESSORS, *estimators.CLASSIFIERS, *estimators.TRANSFORMERS):
        module_of, _, own = name.rpartition(".")
        assert f"`{own}`" in text, name
        assert f"`{module_of}`" in text, name
