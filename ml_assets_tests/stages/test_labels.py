"""Rows whose labels arrive later are kept and counted apart, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from ml_assets.spec.dataset import CleanSpec
from ml_assets.stages.check import contract, row_accounting
from ml_assets.stages.clean import clean
from ml_assets.stages.ingest import ingest
from ml_assets.stages.result import Result
from ml_assets.stages.withdraw import withdrawn
from ml_assets_tests.handles import given
from ml_assets_tests.stages.batches import brief, clean_spec, ingest_spec, rows

COLUMNS: dict[str, Any] = {
    "id": {"type": "integer", "nullable": False},
    "out": {"type": "number", "range": [0, 60]},
    "back": {"type": "number", "nullable": False, "range": [0, 100]},
    "note": {"type": "category"},
}
LABELS = {
    "columns": ["back", "note"],
    "targets": [["back"]],
    "rules": ["later"],
    "filters": ["lost"],
}
PARTS: dict[str, Any] = {
    "key": ["id"],
    "filters": [
        {"id": "stayed", "expression": "out.isna()", "reason": "never left"},
        {"id": "lost", "expression": "note == 'lost'", "reason": "never came back"},
    ],
    "rules": [
        {"id": "even", "expression": "id % 2 == 0", "reason": "ids are even"},
        {"id": "later", "expression": "back >= out", "reason": "comes back after it leaves"},
    ],
    "quarantine_budget": 1.0,
}
SPEC = clean_spec(COLUMNS, **PARTS, labels=LABELS)
HEADER = "id,out,back,note\n"


def cleaned(text: str, spec: CleanSpec = SPEC) -> Result:
    later = () if spec.labels is None else spec.labels.columns
    read = ingest_spec(COLUMNS).model_copy(update={"later": later})
    found = ingest(read, landed=given(text.encode())).outputs
    return clean(spec, **{name: given(value) for name, value in found.items()})


def without(result: Result) -> list[tuple[int, str | None]]:
    return [(row["id"], row["_unlabelled"]) for row in rows(result)]


def checked(check: Any, result: Result, spec: CleanSpec = SPEC, *names: str) -> Any:
    (found,) = check(spec, **{n: given(result.outputs[n]) for n in ("summary", *names)}).checks
    return found


def test_what_reads_a_label_takes_no_row_out() -> None:
    result = cleaned(
        HEADER
        + "2,1,5,\n"  # labelled
        + "4,1,,\n"  # no label yet
        + "6,1,5,lost\n"  # a filter that reads a label
        + "8,5,1,\n"  # a rule that does
        + "10,1,101,\n"  # a range of a label
        + ",1,5,\n"  # no id
        + "14,,5,\n"  # filtered
        + "15,1,5,\n"  # an odd id
        + "18,61,,\n"  # a range
        + "2,1,,\n"  # the id of line 2
    )
    assert without(result) == [
        (2, None),
        (4, "back.not_null"),
        (6, "lost"),
        (8, "later"),
        (10, "back.range"),
    ]
    assert brief(result) == [
        (7, "id.not_null"),
        (9, "even"),
        (10, "out.range"),
        (11, "key.unique"),
    ]
    summary = result.outputs["summary"]
    assert summary["filtered"] == {"stayed": 1}
    assert summary["unlabelled"] == {"back.not_null": 1, "back.range": 1, "later": 1, "lost": 1}
    account = checked(row_accounting.check, result, SPEC, "cleaned", "quarantine")
    said = "landed 10, labelled 1 + unlabelled 4 + filtered 1 + quarantined 4"
    assert (account.passed, account.description) == (True, said)
    verdict = checked(contract.check, result)
    assert "4 rows without a label (back.not_null 1, back.range 1, later 1, lost 1)" in (
        verdict.description
    )


def test_a_wrong_count_of_labels_is_found() -> None:
    result = cleaned(HEADER + "2,1,5,\n4,1,,\n")
    result.outputs["summary"]["unlabelled"] = {"lost": 1}
    account = checked(row_accounting.check, result, SPEC, "cleaned", "quarantine")
    assert account.passed is False
    assert "other rows without a label than cleaned holds" in account.description


def test_an_absent_column_is_as_an_empty_one() -> None:
    empty = cleaned(HEADER + "2,1,,\n4,2,,\n")
    absent = cleaned("id,out\n2,1\n4,2\n")
    assert absent.outputs["cleaned"] == empty.outputs["cleaned"]
    assert without(absent) == [(2, "back.not_null"), (4, "back.not_null")]
    (warning,) = absent.outputs["summary"]["warnings"]
    assert warning == "no column back, note: such rows have no label yet"
    assert not empty.outputs["summary"]["warnings"]


def test_a_misspelt_label_is_named_and_other_columns_may_not_be_absent() -> None:
    renamed = cleaned("id,out,bakc,note\n2,1,5,\n").outputs["summary"]
    assert any("did you mean bakc for back?" in warning for warning in renamed["warnings"])
    refused = cleaned("id,back,note\n2,1,\n").outputs["summary"]["refused"]
    assert "no column out" in refused


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([["back"]], "back missing"),
        ([["back", "note"]], "back missing"),
        ([["note"], ["back", "note"]], "note missing"),
        ([["back"], []], None),
    ],
)
def test_a_row_is_unlabelled_where_no_target_can_be_computed(
    targets: list[list[str]], said: str | None
) -> None:
    columns = {**COLUMNS, "back": {"type": "number"}}
    spec = clean_spec(columns, labels={"columns": ["back", "note"], "targets": targets})
    found = ingest(ingest_spec(columns), landed=given((HEADER + "2,1,,\n").encode())).outputs
    result = clean(spec, **{name: given(value) for name, value in found.items()})
    assert without(result) == [(2, said)]


def test_refused_and_withdrawn_batches_have_the_column_too() -> None:
    spec = SPEC.model_copy(update={"quarantine_budget": 0.0})
    refused = cleaned(HEADER + "3,1,5,\n", spec)
    assert refused.outputs["summary"]["refused"] is not None
    for result in (refused, withdrawn(spec)):
        assert result.outputs["cleaned"].column_names[-1] == "_unlabelled"
        assert result.outputs["summary"]["unlabelled"] == {}


VALUES = st.sampled_from(["", "-1", "1", "7", "70", "200"])
RECORDS = st.lists(
    st.tuples(st.sampled_from(["", "1", "2", "4"]), VALUES, VALUES, st.sampled_from(["", "lost"])),
    max_size=8,
)


@settings(max_examples=30)
@drawn(RECORDS)
def test_labels_decide_on_nothing_but_the_label(records: list[tuple[str, ...]]) -> None:
    whole = cleaned(HEADER + "".join(",".join(record) + "\n" for record in records))
    early = cleaned(HEADER + "".join(",".join((*r[:2], "", "")) + "\n" for r in records))
    inputs = [
        [{k: row[k] for k in ("_line", "id", "out")} for row in rows(r)] for r in (whole, early)
    ]
    assert inputs[0] == inputs[1], "labels that arrive neither remove nor add a row"
    assert brief(whole) == brief(early)
    assert all(reason is not None for _, reason in without(early))
    for result in (whole, early):
        assert checked(row_accounting.check, result, SPEC, "cleaned", "quarantine").passed
    at_once = cleaned(
        HEADER + "".join(",".join(record) + "\n" for record in records),
        clean_spec(COLUMNS, **PARTS),
    )
    labelled = [row["_line"] for row in rows(whole) if row["_unlabelled"] is None]
    kept = {row["_line"] for row in rows(at_once)}
    # Without `labels`, of two rows of one key the first is that with a valid label.
    assert kept.issuperset(labelled)
