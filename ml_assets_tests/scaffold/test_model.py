"""A model's spec from its target: what is chosen, what is said, what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ml_assets_tests.scaffold.shop import Shop, made

N = 240
ID = list(range(1000, 1000 + 7 * N, 7))
X = [i * 37 % 101 for i in range(N)]
SHAPE = ["round", "square", "flat"] * (N // 3)
PLACES = {"id": {"type": "integer"}, "x": {"type": "number"}, "shape": {"type": "category"}}
NEW = ("new", "model", "guess", "--dataset", "rows", "--target")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return made(tmp_path)


def guess(shop: Shop, target: list[Any], kind: str, *words: str, **more: Any) -> str:
    """Write a model of column `y`, and return its text."""
    shop.dataset({**PLACES, "y": {"type": kind}}, **more)
    file = shop.rows({"id": ID, "x": X, "shape": SHAPE, "y": target})
    shop(*NEW, "y", "--file", file, *words)
    return shop.text()


def said(text: str) -> str:
    """Return a text whose comments are not broken into lines."""
    return " ".join(text.replace("# ", "").split())


def test_a_yes_or_no_is_binary_and_the_yes_is_predicted(shop: Shop) -> None:
    text = guess(shop, ["No", "Yes", "Yes", "Yes"] * (N // 4), "category")
    model = shop.model()
    assert (model.task, model.target) == ("binary", "y == 'Yes'")
    assert model.training.metric == "log_loss"
    assert list(model.features.columns) == ["x", "shape"]
    assert "# - id  # an id: it tells rows apart" in text
    assert "# 2 values: Yes in 75.0% of rows, No in 25.0% of rows" in text
    assert "# Yes is predicted: the other value is No" in text
    assert model.split.kind == "hash"
    assert model.split.stratify
    assert model.training.selection == "cross_validation"
    assert model.gate.few_rows == "cross_validation"
    assert set(model.training.families) == {"prior", "linear", "lightgbm", "catboost", "blend"}


def test_of_two_plain_values_the_rarer_is_predicted(shop: Shop) -> None:
    guess(shop, ["a", "b", "b"] * (N // 3), "category")
    assert shop.model().target == "y == 'a'"


def test_digits_in_a_category_are_said_to_need_another_type(shop: Shop) -> None:
    shop.dataset({**PLACES, "y": {"type": "category"}})
    file = shop.rows({"id": ID, "x": X, "shape": SHAPE, "y": [1, 2, 3, 4, 5, 6] * (N // 6)})
    answer = shop(*NEW, "y", "--file", file, "--task", "regression", code=2)
    assert "6 classes" in answer.err
    assert "say type: integer or number in the dataset's defs.yaml" in answer.err
    answer = shop(*NEW, "shape", "--file", file, "--task", "regression", code=2)
    assert "say type" not in answer.err


def test_true_or_false_and_0_or_1_are_targets_as_they_are(shop: Shop) -> None:
    guess(shop, ["true", "false"] * (N // 2), "boolean")
    assert (shop.model().task, shop.model().target) == ("binary", "y")
    shutil.rmtree(shop.defs / "guess")
    guess(shop, [0, 1] * (N // 2), "integer")
    assert (shop.model().task, shop.model().target) == ("binary", "y")
    shutil.rmtree(shop.defs / "guess")
    guess(shop, [1, 2] * (N // 2), "integer")
    assert (shop.model().task, shop.model().target) == ("binary", "y == 2")


def test_few_whole_numbers_are_classes_and_the_other_choice_is_said(shop: Shop) -> None:
    grades = [1, 2, 3, 4, 5] * (N // 5)
    text = guess(shop, grades, "integer")
    assert shop.model().task == "multiclass"
    assert "5 different whole numbers, taken for classes" in said(text)
    assert "If they are amounts: task: regression, metric: rmse" in said(text)
    (shop.defs / "guess" / "defs.yaml").unlink()
    guess(shop, grades, "integer", "--task", "regression", "--metric", "mae")
    model = shop.model()
    assert (model.task, model.training.metric) == ("regression", "mae")
    assert "median" in model.training.families


def test_many_numbers_are_a_regression(shop: Shop) -> None:
    guess(shop, [i * 13 % 97 / 2 for i in range(N)], "number")
    model = shop.model()
    assert (model.task, model.training.metric) == ("regression", "rmse")
    assert not model.split.stratify


def test_missing_targets_and_rare_classes_are_said(shop: Shop) -> None:
    text = guess(shop, ["", "", *["a", "b", "c"] * 79, "d"], "category")
    assert "2 of 240 rows have no value: no label, so no part in any fold" in text
    assert "rare classes (rows): d in 1" in text


def test_an_odd_name_is_written_in_backticks(shop: Shop) -> None:
    shop.dataset({**PLACES, "hours-per-week": {"type": "number"}})
    file = shop.rows({"id": ID, "x": X, "shape": SHAPE, "hours-per-week": X[::-1]})
    shop(*NEW, "hours-per-week", "--file", file)
    assert shop.model().target == "`hours-per-week`"


def test_an_expression_is_a_target(shop: Shop) -> None:
    shop.dataset({**PLACES, "y": {"type": "number"}})
    file = shop.rows({"id": ID, "x": X, "shape": SHAPE, "y": [*range(N - 1), ""]})
    shop(*NEW, "y > 100", "--file", file)
    model = shop.model()
    assert (model.task, model.target) == ("binary", "y > 100")
    assert list(model.features.columns) == ["x", "shape"]
    assert "1 of 240 rows have no value" in shop.text()


def test_a_leak_is_left_out_with_its_figure(shop: Shop) -> None:
    target = [i * 13 % 97 for i in range(N)]
    shop.dataset({**PLACES, "y": {"type": "number"}, "cents": {"type": "number"}})
    cents = [100 * value + 1 for value in target]
    file = shop.rows({"id": ID, "x": X, "shape": SHAPE, "y": target, "cents": cents})
    answer = shop(*NEW, "y", "--file", file)
    assert "cents" not in shop.model().features.columns
    assert "left out: cents, a leak? It alone all but gives the target (|Spearman| 1.000" in (
        answer.out
    )
    assert "; --keep cents takes it in" in answer.out


def test_a_leak_is_taken_in_by_one_edit_or_by_an_option(shop: Shop) -> None:
    target = [i * 13 % 97 for i in range(N)]
    numbers = {"y": {"type": "number"}, "cents": {"type": "number"}}
    shop.dataset({**PLACES, **numbers})
    cents = [100 * value + 1 for value in target]
    file = shop.rows({"id": ID, "x": X, "shape": SHAPE, "y": target, "cents": cents})
    shop(*NEW, "y", "--file", file)
    lines = shop.text().splitlines(keepends=True)
    marked = ("      # - cents", "    # leakage:", "    #   acknowledged:", "    #     cents: WHY")
    edited = "".join(x.replace("# ", "", 1) if x.startswith(marked) else x for x in lines)
    shop.write("guess", edited)
    features = shop.model().features
    assert list(features.columns) == ["x", "shape", "cents"]
    assert features.leakage.acknowledged == {"cents": "WHY"}
    shutil.rmtree(shop.defs / "guess")
    shop(*NEW, "y", "--file", file, "--keep", "cents")
    features = shop.model().features
    assert list(features.columns) == ["x", "shape", "cents"]
    assert features.leakage.acknowledged["cents"].startswith("kept on request (|Spearman| 1.000")


def test_what_is_left_out_can_be_kept_unless_no_model_may_have_it(shop: Shop) -> None:
    columns = {"same": {"type": "category"}, "site": {"type": "text"}, "y": {"type": "number"}}
    shop.dataset({**PLACES, **columns})
    sites = [f"https://example.org/{i}" for i in range(N)]
    given = {"id": ID, "x": X, "shape": SHAPE, "same": ["a"] * N, "site": sites, "y": X[::-1]}
    file = shop.rows(given)
    shop(*NEW, "y", "--file", file, "--keep", "site", "--keep", "same")
    found = shop.model().features.columns
    assert {name: column.type for name, column in found.items()} == {
        "x": "number",
        "shape": "category",
        "same": "category",
        "site": "text",
    }
    answer = shop(*NEW, "y", "--file", file, "--keep", "y", "--keep", "id", code=2)
    assert "--keep: y is what the target is made of; id is the key of rows" in answer.err
    assert "did you mean 'site'" in shop(*NEW, "y", "--file", file, "--keep", "sit", code=2).err


def test_a_target_whose_new_values_are_kept_says_what_becomes_of_them(shop: Shop) -> None:
    shop.dataset({**PLACES, "y": {"type": "category", "allowed": ["No", "Yes"], "action": "warn"}})
    target = ["No", "Yes", "Yes", "Yes"] * (N // 4)
    file = shop.rows({"id": ID, "x": X, "shape": SHAPE, "y": target})
    shop(*NEW, "y", "--file", file)
    assert "a value of y that is new counts as the other one" in said(shop.text())


def test_what_tells_one_class_of_several_is_taken_and_acknowledged(shop: Shop) -> None:
    classes = ["a" if shape == "flat" else "bc"[x % 2] for x, shape in zip(X, SHAPE, strict=True)]
    guess(shop, classes, "category")
    model = shop.model()
    assert "shape" in model.features.columns
    assert "tells one class apart" in model.features.leakage.acknowledged["shape"]


def test_constants_ids_and_free_text_are_told_apart(shop: Shop) -> None:
    columns = {"same": {"type": "category"}, "note": {"type": "text"}, "zip": {"type": "text"}}
    shop.dataset({**PLACES, **columns, "y": {"type": "number"}})
    words = ["good", "bad", "late", "early", "never again", "as ever", "soon"]
    notes = [f"{words[i % 7]} and {words[i % 5]} number {i} so it was" for i in range(N)]
    zips = [f"0{1000 + i % 30}" for i in range(N)]
    given = {"id": ID, "x": X, "shape": SHAPE, "same": ["a"] * N, "note": notes, "zip": zips}
    file = shop.rows({**given, "y": X[::-1]})
    shop(*NEW, "y", "--file", file)
    found = shop.model().features.columns
    assert {name: column.type for name, column in found.items()} == {
        "x": "number",
        "shape": "category",
        "note": "text",
        "zip": "category",
    }
    assert "free text, " in shop.text()
    assert "same:  # has one value" in shop.text()


def test_rows_that_share_an_entity_stay_in_one_fold(shop: Shop) -> None:
    who = [i // 6 for i in range(N)]
    columns = {name: {"type": "integer"} for name in ("case", "age", "height", "y")}
    shop.dataset({**PLACES, **columns})
    given = {"id": ID, "x": X, "shape": SHAPE, "case": who, "age": [20 + w % 31 for w in who]}
    file = shop.rows({**given, "height": [150 + w % 23 for w in who], "y": X[::-1]})
    shop(*NEW, "y", "--file", file)
    text = shop.text()
    assert "group: [case]" in text
    assert "case names what rows share: 40 values in 240 rows; age, height are the same" in text
    assert "block: group" in text
    assert "      # - case  # names what rows share" in text


def test_with_time_and_an_entity_time_divides_and_the_entity_is_said(shop: Shop) -> None:
    columns = {name: {"type": "integer"} for name in ("case", "age", "height", "y")}
    shop.dataset(
        {**PLACES, **columns, "day": {"type": "date"}},
        calendar="month",
        time="day",
        landing={"pattern": r"rows\.csv", "batch": "month of day"},
    )
    who = [i // 6 for i in range(N)]
    given = {
        "id": ID,
        "x": X,
        "shape": SHAPE,
        "case": who,
        "age": [20 + w % 31 for w in who],
        "height": [150 + w % 23 for w in who],
        "y": X[::-1],
        "day": [f"2024-{1 + i % 6:02}-{1 + i % 28:02}" for i in range(N)],
    }
    shop(*NEW, "y", "--file", shop.rows(given))
    assert "rows share case (40 values" in said(shop.text())
    model = shop.model()
    assert (model.split.kind, model.gate.not_worse.block) == ("time", "day")


def test_batches_with_times_are_split_by_time(shop: Shop) -> None:
    shop.dataset(
        {**PLACES, "day": {"type": "date"}, "y": {"type": "number"}},
        calendar="month",
        time="day",
        landing={"pattern": r"rows-(?P<batch>\d{4}-\d{2})\.csv"},
    )
    files: list[object] = []
    for month in range(1, 11):
        part = slice(24 * (month - 1), 24 * month)
        days = [f"2024-{month:02}-{1 + row:02}" for row in range(24)]
        given = {
            "id": ID[part],
            "x": X[part],
            "shape": SHAPE[part],
            "day": days,
            "y": X[part][::-1],
        }
        files += ["--file", shop.rows(given, f"rows-2024-{month:02}.csv")]
    shop(*NEW, "y", *files)
    split = shop.model().split
    assert (split.kind, split.test, split.validation) == ("time", 2, 2)
    assert list(shop.model().features.columns) == ["x", "shape"]
    assert "- day  # a time: the test rows are later" in shop.text()
    (shop.defs / "guess" / "defs.yaml").unlink()
    shop(*NEW, "y", *files[:4])
    split = shop.model().split
    assert (split.kind, split.test, split.validation) == ("time", "20%", "15%")
    assert shop.model().gate.few_rows == "refuse"


def test_what_is_known_later_is_left_out(shop: Shop) -> None:
    column = {"type": "number", "known_at": "closing"}
    shop.dataset(
        {
            "id": {"type": "integer", "known_at": "opening"},
            "x": {"type": "number", "known_at": "opening"},
        }
        | {"visits": column, "y": column},
        moments=["opening", "closing"],
    )
    file = shop.rows({"id": ID, "x": X, "visits": X[::-1], "y": [v % 17 + v / 3 for v in X]})
    shop(*NEW, "y", "--file", file)
    model = shop.model()
    assert model.predict_at == "opening"
    assert list(model.features.columns) == ["x"]
    assert "# - visits  # known later than opening" in shop.text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dataset", "row", "--target", "y"), "no dataset named 'row'; did you mean 'rows'?"),
        (("--dataset", "rows", "--target", "z"), "no column 'z'; available: id, shape, x, y"),
        (("--dataset", "rows", "--target", "id"), "'id' cannot be a target: it is an id"),
        (("--dataset", "rows", "--target", "y", "--task", "binary"), "wanted 2 for binary"),
        (("--dataset", "rows", "--target", "y", "--task", "rank"), "no task named 'rank'"),
        (
            ("--dataset", "rows", "--target", "y", "--metric", "auc"),
            "no metric 'auc' for regression",
        ),
        (("--dataset", "rows", "--target", "y", "--group", "w"), "no column of rows named 'w'"),
        (("--dataset", "rows", "--target", "y", "--predict-at", "noon"), "no moment named 'noon'"),
        (("--dataset", "rows", "--target", "shape", "--task", "regression"), "for regression"),
        (("--dataset", "rows", "--target", "1 > 2"), "'1 > 2' reads no column"),
    ],
)
def test_wrong_names_are_said(shop: Shop, words: tuple[str, ...], said: str) -> None:
    shop.dataset({**PLACES, "y": {"type": "number"}})
    file = shop.rows({"id": ID, "x": X, "shape": SHAPE, "y": [v + i / 2 for i, v in enumerate(X)]})
    answer = shop("new", "model", "guess", *words, "--file", file, code=2)
    assert said in answer.err
    assert not (shop.defs / "guess").exists()


@pytest.mark.parametrize(
    ("target", "kind", "said"),
    [
        (["a"] * N, "category", "has one value in all 240 rows"),
        ([""] * N, "category", "has no value in any row"),
        ([f"who {i}" for i in range(N)], "category", "240 classes in 240 rows: most occur once"),
        (["a", "b", *[""] * (N - 2)], "category", "in 2 rows"),
        (
            [1.5, 2.5, 3.5, *[""] * (N - 3)],
            "number",
            "a value in 3 of 240 rows; wanted at least 10",
        ),
        ([f"2024-01-{1 + i % 28:02}" for i in range(N)], "date", "is a date; wanted a number"),
    ],
)
def test_targets_that_nothing_can_learn(
    shop: Shop, target: list[object], kind: str, said: str
) -> None:
    shop.dataset({**PLACES, "y": {"type": kind}})
    file = shop.rows({"id": ID, "x": X, "shape": SHAPE, "y": target})
    assert said in shop(*NEW, "y", "--file", file, code=2).err


def test_a_sensitive_target_is_refused(shop: Shop) -> None:
    shop.dataset({**PLACES, "y": {"type": "number", "sensitive": True}})
    file = shop.rows({"id": ID, "x": X, "shape": SHAPE, "y": X})
    assert "'y' cannot be a target: it is sensitive" in shop(*NEW, "y", "--file", file, code=2).err


def test_without_rows_it_is_said_how_to_give_them(shop: Shop) -> None:
    shop.dataset({**PLACES, "y": {"type": "number"}})
    answer = shop(*NEW, "y", code=2)
    assert "nothing of rows has landed" in answer.err
    file = shop.rows({"id": ID, "x": X, "shape": SHAPE, "y": [v / 3 for v in X]})
    shop("land", "rows", file)
    assert shop(*NEW, "y").out.endswith("then ml-assets run\n")


def test_the_files_of_the_dataset_are_remembered_until_they_land(shop: Shop) -> None:
    file = shop.rows({"id": ID, "x": X, "shape": SHAPE, "y": [v / 3 for v in X]})
    answer = shop("new", "dataset", "rows", file)
    assert answer.out.endswith("then ml-assets new model NAME --dataset rows --target COLUMN\n")
    answer = shop(*NEW, "y")
    assert answer.out.endswith("then ml-assets land rows rows.csv\n")
    assert shop.model().task == "regression"


def test_outside_a_project_nothing_is_written(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    file = shop.rows({"id": ID, "x": X})
    answer = shop("new", "dataset", "rows", file, code=2)
    assert "no project in this folder or above it; make one with `ml-assets init DIR`" in answer.err


def test_a_file_that_does_not_fit_the_spec_is_said(shop: Shop) -> None:
    shop.dataset({**PLACES, "y": {"type": "number"}})
    file = shop.rows({"id": ID, "x": X, "shape": SHAPE, "y": ["many"] * N})
    answer = shop(*NEW, "y", "--file", file, code=2)
    assert "rows.csv does not fit the spec of rows" in answer.err
    assert "parse.number" in answer.err
    assert "no such file" in shop(*NEW, "y", "--file", "gone.csv", code=2).err.lower()


def test_a_second_run_keeps_what_a_person_wrote_and_prints_a_patch(shop: Shop) -> None:
    guess(shop, [v / 3 for v in X], "number")
    path = shop.defs / "guess" / "defs.yaml"
    edited = shop.text().replace("rmse", "mae")
    path.write_text(edited)
    file = shop.root / "rows.csv"
    answer = shop(*NEW, "y", "--file", file)
    assert path.read_text() == edited
    assert "-    metric: mae" in answer.out
    assert "+    metric: rmse" in answer.out
    assert "exists and was not changed" in answer.out
    path.unlink()
    shop(*NEW, "y", "--file", file)
    assert "is as it would be written now" in shop(*NEW, "y", "--file", file).out
