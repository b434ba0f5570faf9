"""From the rows of a request to its answer, whatever the protocol."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ml_assets.errors import HookError, RequestError, StageError
from ml_assets.serve.answers import Answers
from ml_assets.serve.model import LoadedVersion, Predictor, rows_spec
from ml_assets.serve.recording.recorder import Answered
from ml_assets.serve.service.figures import Figures
from ml_assets.serve.service.refused import AWAY, Refused, many_rows
from ml_assets.serve.service.served import Served
from ml_assets.serve.service.unusual import (
    Found,
    few_out_of_range,
    out_of_range,
    refused,
    unseen,
)
from ml_assets.spec.score import RowsSpec
from ml_assets.stages.counted import counted
from ml_assets.stages.ingest.source import Source, Unreadable
from ml_assets.stages.score.answer import PROBLEM
from ml_assets.stages.score.problems import problems
from ml_assets.stages.score.source import source_of

INTERVAL = ("low", "high", "set")
Reading = Callable[[RowsSpec], Any]
"""Returns rows as a loaded model takes them, or a source."""
log = logging.getLogger("ml_assets.serve")


@dataclass(frozen=True)
class Options:
    """How rows are to be predicted."""

    features: bool = False
    """They are the model's inputs, not raw rows."""
    batch: str | None = None
    """The batch of all rows, where the model joins batches and no time says which."""
    interval: bool = False
    explain: bool = False
    take: Callable[[Sequence[str]], None] | None = None
    """Raises Refused for an answer whose columns are not what was asked for."""


@dataclass(frozen=True)
class Reply:
    """The answer to all rows of a request, by one version."""

    state: LoadedVersion
    answer: Answers
    answered: Answered
    """What is written down of it."""
    request: str | None = None
    """The id under which it is."""


def reply(
    served: Served,
    loaded: Predictor | None,
    reading: Reading,
    options: Options,
    figures: Figures | None,
    protocol: str,
    most: int,
) -> Reply:
    """Return a version's predictions of at most `most` rows; Refused unless every row has one.

    Without `figures`, what is odd about rows is not counted.
    """
    begin = time.perf_counter()
    if loaded is None:
        raise Refused(503, f"{served.name} is not ready: {served.why}")
    state = loaded.state
    with _refusals(served.name):
        given = reading(rows_spec(state, options.features))
        scored = _few(loaded, state, given, options)
        if scored is None:
            scored = _all(served.name, loaded, state, given, options, figures, most)
    _usual(served.name, state, scored, figures)
    answered = Answered(
        state.version,
        protocol,
        given,
        scored.answer,
        begin,
        options.batch,
        options.features,
        state.scorer.spec.hidden,
    )
    answer = scored.answer.without({PROBLEM, *(() if options.interval else INTERVAL)})
    if options.explain:
        assert scored.features is not None
        with _refusals(served.name):
            answer = Answers(table=_explained(state, answer.table, scored.features))
    if options.take is not None:
        options.take(answer.names)
    return Reply(state, answer, answered)


@dataclass(frozen=True)
class _Scored:
    """The answer to rows, all of which have a prediction."""

    answer: Answers
    outside: Found
    """Numbers outside of what the model learned from."""
    features: pa.Table | None = None


def _few(loaded: Predictor, state: LoadedVersion, given: Any, options: Options) -> _Scored | None:
    """Return the answer to a few rows of features in the quicker way, None if there is none."""
    few = state.scorer.few
    if few is None or not options.features or options.explain:
        return None
    values = loaded.few(state, given)
    if values is None:
        return None
    answer = Answers(lists=state.scorer.few_answered(few, values))
    return _Scored(answer, few_out_of_range(state.ranges(), values))


def _all(
    name: str,
    loaded: Predictor,
    state: LoadedVersion,
    given: Any,
    options: Options,
    figures: Figures | None,
    most: int,
) -> _Scored:
    """Return the answer to any rows; Refused unless every row has a prediction."""
    rows = loaded.read(state, given, features=options.features)
    if len(rows.lines) > most:
        raise many_rows(most)
    predicted = loaded.predicted(state, rows, features=options.features, batch=options.batch)
    if predicted.problems:
        spec = rows_spec(state, options.features)
        source = given if isinstance(given, Source) else source_of(given, spec)
        listed = problems(spec, source, predicted.problems)
        if figures is not None:
            for rule in {problem.rule for problem in listed}:
                of_rule = {problem.row for problem in listed if problem.rule == rule}
                figures.refused.labels(name, rule).inc(len(of_rule))
        have = counted(len(predicted.problems), "row breaks", "rows break")
        raise Refused(422, f"{have} the contract, of {len(rows.lines)}", listed)
    answer = Answers(table=state.scorer.answer(len(rows.lines), predicted))
    return _Scored(answer, out_of_range(state.ranges(), predicted), predicted.features)


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Refuse rows for what is wrong with them, or for what they need and is not there."""
    try:
        yield
    except Unreadable as error:
        raise Refused(422, f"the rows cannot be read: {error.reason}") from None
    except RequestError as error:
        raise Refused(422, str(error)) from None
    except HookError as error:
        log.warning("%s: %s", name, error)
        raise Refused(422, "the features function fails for these rows") from None
    except AWAY as error:
        log.warning("%s: %s", name, error)
        raise Refused(503, "rows that are needed cannot be read now; try again later") from None


def _explained(state: LoadedVersion, table: pa.Table, features: pa.Table) -> pa.Table:
    """Return an answer with what each feature contributes."""
    try:
        parts = state.explainer.explained(features)
    except StageError as error:
        raise Refused(422, str(error)) from None
    for name, values in parts.items():
        table = table.append_column(name, pa.array(values))
    return table


def _usual(name: str, state: LoadedVersion, scored: _Scored, figures: Figures | None) -> None:
    """Count rows unlike those learned from; Refused where the spec does not want them."""
    new, outside = unseen(scored.answer), scored.outside
    if figures is not None:
        for counter, by in ((figures.unseen, new), (figures.out_of_range, outside)):
            for column, rows in by.items():
                counter.labels(name, column).inc(len(rows))
    wrong = refused(state, new, outside)
    if wrong:
        count = len({problem.row for problem in wrong})
        have = counted(count, "row is", "rows are")
        said = f"{have} unlike what the model learned from, of {len(scored.answer)}"
        raise Refused(422, said, wrong)


def request_id(replied: Reply) -> dict[str, str]:
    """Return the header that says under which id a request was written down."""
    return {} if replied.request is None else {"X-Request-Id": replied.request}
