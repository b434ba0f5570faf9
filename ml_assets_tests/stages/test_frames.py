"""Arrow to pandas by Arrow type."""

import datetime as dt

import pandas as pd
import pyarrow as pa

from ml_assets.stages.frames import to_frame


def table() -> pa.Table:
    return pa.table(
        {
            "_line": [1, 2],
            "some": pa.array([1, None], pa.int64()),
            "all": [3, 4],
            "number": [1.5, None],
            "maybe": [True, None],
            "flag": [True, False],
            "text": pa.array(["a", None]),
            "kind": pa.array(["x", None]).dictionary_encode(),
            "at": pa.array([dt.datetime(2013, 1, 1), None], pa.timestamp("us", "UTC")),
            "day": pa.array([dt.date(2013, 1, 2), None]),
        }
    )


def test_types() -> None:
    frame = to_frame(table())
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "some": "Int64",
        "all": "int64",
        "number": "float64",
        "maybe": "boolean",
        "flag": "bool",
        "text": "string",
        "kind": "category",
        "at": "datetime64[us, UTC]",
        "day": "datetime64[s]",
    }
    assert frame.iloc[1].isna().tolist() == [True, False, True, True, False, True, True, True, True]
    assert frame["day"][0] == pd.Timestamp("2013-01-02")
    assert frame["at"][0] == pd.Timestamp("2013-01-01", tz="UTC")


def test_chunks_make_one_index_and_one_set_of_categories() -> None:
    other = table().set_column(7, "kind", pa.array(["y", "x"]).dictionary_encode())
    frame = to_frame(pa.concat_tables([table(), other]))
    assert frame.index.tolist() == [0, 1, 2, 3]
    assert frame["kind"].tolist()[2:] == ["y", "x"]


def test_empty() -> None:
    frame = to_frame(table().slice(0, 0))
    assert len(frame) == 0
    assert str(frame["at"].dtype) == "datetime64[us, UTC]"


def test_a_frame_can_be_changed_in_place_and_the_table_stays() -> None:
    source = table()
    frame = to_frame(source)
    for name in ("all", "number", "flag", "some"):
        frame.loc[0, name] = frame.loc[1, name]
    assert source["all"].to_pylist() == [3, 4]
    assert source["number"].to_pylist() == [1.5, None]
    assert source["flag"].to_pylist() == [True, False]
