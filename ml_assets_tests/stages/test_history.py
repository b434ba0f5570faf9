"""The history on a monitoring report."""

from __future__ import annotations

from ml_assets.stages.monitor.history import DASH, history, plot
from ml_assets_tests.stages.monitored import METRIC, entry, figures


def test_the_newest_of_several_batches_is_the_first_line_and_one_alone_is_no_history() -> None:
    april = figures(batch="2020-04", rows=1200, realized={"mae": METRIC})
    may = figures(drift={"price": entry(0.3, 0.2), "store": entry(0.1, 0.2)})
    found = history([april, may])
    assert found is not None
    assert found["lines"] == [
        ["2020-05", "v0", "30", "1", DASH, DASH, DASH, "100%"],
        ["2020-04", "v0", "1,200", DASH, DASH, DASH, "2", "100%"],
    ]
    # No batch has a joint test.
    assert [title for title, _ in found["plots"]] == [
        "mae: came true, and estimated before (dashed)",
        "Inputs that changed",
    ]
    assert history([may]) is None


def test_a_plot_is_interrupted_where_there_is_no_value_and_escapes_names() -> None:
    drawn = plot("a<b", ["1", "2", "3", "4"], [1.0, 2.0, None, 4.0], [])
    assert drawn.count("M") == 3
    assert drawn.count("<circle") == 3
    assert 'aria-label="a&lt;b: from 1 to 4, last 4"' in drawn


def test_values_that_are_all_the_same_are_drawn_in_the_middle() -> None:
    drawn = plot("mae", ["1", "2"], [0.0, 0.0], [None, None])
    assert drawn.count('cy="68.0"') == 2
