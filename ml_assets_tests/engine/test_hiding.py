"""Files with pseudonyms in the place of values: ingest reads them as it read the originals."""

from __future__ import annotations

import gzip
import io
import re
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.engine.hiding.columns import Hiding
from ml_assets.engine.hiding.content import hidden_content
from ml_assets.spec.dataset import DatasetSpec, IngestSpec
from ml_assets.stages import parquet
from ml_assets.stages.ingest import ingest
from ml_assets.stages.ingest.source import Unreadable
from ml_assets.stages.parts import packed, parts_of
from ml_assets.store.pseudonyms import Pseudonyms, hashed
from ml_assets_tests import handles
from ml_assets_tests.stages.test_ingest_excel import book

KEY = Pseudonyms([b"k" * 32])
COLUMNS = {
    "id": {"type": "integer", "nullable": False},
    "name": {"type": "text", "sensitive": {"keep": "hmac"}},
    "note": {"type": "text"},
}


def of(landing: dict[str, Any] | None = None, **columns: Any) -> Hiding:
    """Return how files of three columns are hidden."""
    spec = DatasetSpec.model_validate(
        {
            "description": "d",
            "landing": {"pattern": "x", **(landing or {})},
            "columns": {**COLUMNS, **columns},
        }
    )
    return Hiding.of(spec, KEY)


def read(content: bytes, hiding: Hiding) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]], Any]:
    """Return the rows, the rejects (line, rule, column, reason) and the warnings of a file."""
    spec = hiding.spec
    made = ingest(
        IngestSpec(dataset="d", landing=spec.landing, columns=spec.columns),
        landed=handles.given(content),
    ).outputs
    raw, rejects, summary = made["raw"], made["rejects"], made["summary"]
    assert isinstance(raw, pa.Table)
    assert isinstance(rejects, pa.Table)
    assert isinstance(summary, dict)
    names = ("_line", "rule", "column", "reason")
    lost = [tuple(row[name] for name in names) for row in rejects.to_pylist()]
    return raw.to_pylist(), lost, (summary["refused"], summary["warnings"])


def same(content: bytes, hiding: Hiding) -> bytes:
    """Check that ingest comes to the same rows and rejects, and return what is stored."""
    made = hidden_content(content, hiding)
    before, after = read(content, hiding), read(made, hiding)
    for row in before[0]:
        row["name"] = None if row["name"] is None else hashed(b"k" * 32, row["name"].strip())
    assert after == before
    assert hidden_content(content, hiding) == made
    return made


PLAIN = b"id,name,note\n1,Ada Lovelace,first\n2,NA,\n3, Ada Lovelace ,third\n"


def test_a_value_has_one_pseudonym_and_missing_stays_missing() -> None:
    ada = hashed(b"k" * 32, "Ada Lovelace")
    assert same(PLAIN, of()).decode() == (f"id,name,note\n1,{ada},first\n2,NA,\n3,{ada},third\n")
    rows, _, _ = read(hidden_content(PLAIN, of()), of())
    assert [row["name"] for row in rows] == [ada, None, ada]
    packed_file = hidden_content(gzip.compress(PLAIN), of())
    assert gzip.decompress(packed_file) == hidden_content(PLAIN, of())


@pytest.mark.parametrize(
    ("content", "landing"),
    [
        (b"\xef\xbb\xbf" + PLAIN, {}),
        (PLAIN.replace(b"\n", b"\r\n"), {}),
        (PLAIN.replace(b"\n", b"\r"), {}),
        (PLAIN.removesuffix(b"\n"), {}),
        (b"id,name,note\n", {}),
        (b"note,id,name\nx,1,Ada\n\n\ny,2,Bob\n", {}),
        (b'id,name,note\n1,"Lovelace, Ada","a ""b""\nc"\n2,"Ada\nKing",x\n3,y,z\n', {}),
        (b"id,name,note\n1,Ada\n2,Ada,x,y\n3,Ada,z\nno,Ada,z\n", {}),
        (b'id,name,note\n1,Ada,x\n2,"Ada \\"King\\"",y\n3,Ada,z\n', {}),
        (b'id,name,note\n1,Ada,x\n2,"Ada,y\n\n3,Ada,z\n', {}),
        (b"id,name,note\n1,A\xffda,x\n2,Ada,y\xff\n3,Ada,z\n", {}),
        (b"id,name,note\n1,A\0da,x\n2,Ada,y\0\n3,Ada,z\n", {}),
        (
            "id;name;note\n1;Zo\u00eb;\u00e4\n".encode("latin-1"),
            {"delimiter": ";", "encoding": "latin-1"},
        ),
        (b"id,name,note\n1,Zo\x81,x\n2,Zo\xe9,y\n", {"encoding": "cp1252"}),
        ("id,name,note\n1,Zo\u00eb,\u00e4\n".encode("utf-16"), {"encoding": "utf-16"}),
        (b"made for Ada\n\nid,name,note\n1,Ada,x\n", {"skip_lines": 2}),
        (b"1,Ada,x\n2,Bob,y\n", {"header": False}),
        (b"id name note\n1  'Ada King'   x\n 2 Bob   ''\n", {"delimiter": " ", "quote": "'"}),
        (b'id,name,note\n1,Ada "K",x\n', {"quote": ""}),
        (b'{"id": 1, "name": "Ada", "note": "x"}\nno\n\n{"note": null, "id": 2}\n', {}),
        (b'{"id": 1, "name": {"a": [1, 2.50]}, "note": "\\u00e4"}\n{"id": 2,"name": 17}\n', {}),
        (
            b'{"name": "A\xffda", "id": 1}\n{"name": "A\\u0000", "id": 2, "note": "x"}\n',
            {},
        ),
    ],
)
def test_ingest_comes_to_the_same_verdicts(content: bytes, landing: dict[str, Any]) -> None:
    made = same(content, of(landing))
    for clear in (b"Ada", b"Bob", b"King", "Zo".encode("utf-16-le")):
        assert clear not in made


WORDS = st.text(st.sampled_from('ab",\n\r \\\xe4\0'), max_size=4)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=4), max_size=5))
def test_whatever_is_delivered(records: list[list[str]]) -> None:
    text = "\n".join(",".join(record) for record in records)
    hiding = of()
    made = hidden_content(f"id,name,note\n{text}".encode(), hiding)
    before, after = read(f"id,name,note\n{text}".encode(), hiding), read(made, hiding)
    assert [row["_line"] for row in before[0]] == [row["_line"] for row in after[0]]
    assert [row["note"] for row in before[0]] == [row["note"] for row in after[0]]
    assert [lost[:2] for lost in before[1]] == [lost[:2] for lost in after[1]]


def table(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_parquet_and_folders() -> None:
    content = table(
        id=[1, 2, 3], name=["Ada", None, "NA"], note=["x", "y", None], more=[["Ada"], None, []]
    )
    made = parquet.read(hidden_content(content, of()))
    assert made["name"].to_pylist() == [KEY.of("Ada"), None, "NA"]
    assert made["more"].to_pylist() == ["***", None, "***"]
    assert made.select(["id", "note"]).equals(parquet.read(content).select(["id", "note"]))
    numbers = table(id=[1, 2], name=[17, None], note=["x", "y"])
    assert parquet.read(hidden_content(numbers, of()))["name"].to_pylist() == [KEY.of("17"), None]
    lists = table(id=[1, 2], name=[["Ada"], None], note=["x", "y"])
    (row,), ((line, rule, _, _),), _ = read(hidden_content(lists, of()), of())
    assert (row["id"], line, rule) == (2, 1, "parse.encoding")
    both = hidden_content(packed({"a": content, "b": content}), of())
    assert parts_of(both) == {name: hidden_content(content, of()) for name in "ab"}


def test_what_the_contract_does_not_know_is_masked() -> None:
    made = hidden_content(b"id,name,nmae,note,_dummy\n1,Ada,Ada,x,true\n2,Bob,NA,y,true\n", of())
    assert made.decode().splitlines()[1:] == [
        f"1,{KEY.of('Ada')},***,x,true",
        f"2,{KEY.of('Bob')},NA,y,true",
    ]
    line = b'{"id": 1, "name": "Ada", "nmae": "Ada", "note": "x"}\n'
    assert b'"nmae": "***", "note": "x"}' in hidden_content(line, of())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"id,nmae,note\n1,Ada,x\n", "the column name is not there, of which only pseudonyms"),
        (b"id,name,name,note\n1,Ada,Ada,x\n", "the column name is there twice"),
        (b"1,Ada,x\n", "the column name is not there"),
        (b"", "the file is empty"),
        (b"%PDF-1.4 Ada", "the file is a PDF document"),
        (b"PAR1Ada", "damaged or truncated"),
        (book({"a": [["id", "name", "note"], [1, "Ada", "x"]]}), "save the sheet as CSV"),
        (table(id=[1], note=["x"]), "the column name is not there"),
    ],
)
def test_a_file_whose_values_are_nowhere_known_is_not_stored(content: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(said)) as caught:
        hidden_content(content, of())
    assert "Ada" not in caught.value.reason


def test_a_changed_key_hides_what_the_one_before_gave() -> None:
    two = Pseudonyms([b"k" * 32, b"n" * 32])
    made = hidden_content(PLAIN, of())
    again = hidden_content(made, Hiding.of(of().spec, Pseudonyms([b"n" * 32])))
    assert again == hidden_content(PLAIN, Hiding.of(of().spec, two))
    assert two.fingerprint != KEY.fingerprint
