"""Sends lineage as OpenLineage events to a file or an HTTP endpoint, with OpenLineage's client.

A version becomes a START and a COMPLETE event with its inputs and output, with our digests as
dataset versions. The run's id is derived from the action keys, and the times from the records, so
sending twice sends the same events. A failure, which has no actions, is a START and a FAIL event.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ml_assets.engine.make import Progress
from ml_assets.engine.plan import Planner
from ml_assets.errors import PublishError, RequestError
from ml_assets.operations.lineage import Node, steps

TARGET = "ML_ASSETS_OPENLINEAGE"
"""The environment variable that names a file or an http(s) URL; if unset, nothing is sent."""
NAMESPACE = "ml_assets"
PRODUCER = "urn:ml_assets"
SHOWN = 500
"""How many characters of a failure's message are sent."""


def send(nodes: Mapping[str, Node], target: str) -> int:
    """Send a START and a COMPLETE event for each version; return the number of events.

    `target` is a file, appended to, or an http(s) URL. Raises PublishError if it cannot be
    reached, RequestError for another kind of URL.
    """
    return _emit(_completed(nodes), target)


def tell_run(planner: Planner, told: Sequence[Progress], run_id: str | None) -> str | None:
    """Send what a run executed and what failed to `ML_ASSETS_OPENLINEAGE`, if it is set.

    Each event has the Dagster run as its parent. Returns a message if it could not
    be sent: a run does not fail because of it, and `ml-assets lineage` can send the same later.
    """
    target = os.environ.get(TARGET)
    made = [item.cell for item in told if item.state == "executed"]
    failed = [item for item in told if item.state == "failed"]
    if not target or not (made or failed):
        return None
    parent = _parent(run_id) if run_id is not None else {}
    ended = datetime.now(UTC)
    try:
        events = [
            *_completed(steps(planner, made), parent),
            *(event for item in failed for event in _failed(item, run_id, ended, parent)),
        ]
        _emit(events, target)
    except (PublishError, RequestError) as error:
        later = "`ml-assets lineage --openlineage` sends them later"
        return f"{error}. The run is not affected; {later}"
    return None


def _emit(events: Iterable[Any], target: str) -> int:
    if "://" in target and not target.startswith(("http://", "https://")):
        raise RequestError(f"{target!r}: wanted a file, or a URL that begins with http(s)://")
    transport = _transport(target)
    sent = 0
    try:
        for event in events:
            transport.emit(event)
            sent += 1
    except (OSError, RuntimeError) as error:
        # requests' errors are OSErrors; a file that cannot be written is the client's RuntimeError.
        raise PublishError(f"OpenLineage events cannot be sent to {target}: {error}") from error
    finally:
        transport.close()
    return sent


def _transport(target: str) -> Any:
    if not target.startswith("http"):
        from openlineage.client.transport.file import FileConfig, FileTransport

        return FileTransport(FileConfig(log_file_path=target, append=True))
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    retry = {"total": 1, "backoff_factor": 0.2}
    return HttpTransport(HttpConfig.from_dict({"url": target, "timeout": 5.0, "retry": retry}))


def _completed(nodes: Mapping[str, Node], parent: Mapping[str, Any] | None = None) -> Iterator[Any]:
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunState

    for node in nodes.values():
        if not node.actions:
            continue
        run = uuid.uuid5(uuid.NAMESPACE_URL, f"{node.name} {sorted(node.actions.items())}")
        inputs = [
            InputDataset(NAMESPACE, str(nodes[name].cell), facets=_facets(nodes[name]))
            for name in node.inputs
        ]
        outputs = [OutputDataset(NAMESPACE, str(node.cell), facets=_facets(node))]
        began = datetime.fromisoformat(node.made) - timedelta(seconds=node.seconds)
        same = (str(run), node.cell.asset, parent or {}, inputs, outputs)
        yield _event(RunState.START, began.isoformat(), *same)
        yield _event(RunState.COMPLETE, node.made, *same)


def _failed(
    item: Progress, run_id: str | None, ended: datetime, parent: Mapping[str, Any]
) -> Iterator[Any]:
    from openlineage.client.event_v2 import OutputDataset, RunState
    from openlineage.client.generated.error_message_run import ErrorMessageRunFacet

    run = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{item.cell} {run_id} failed"))
    message = item.detail if len(item.detail) <= SHOWN else f"{item.detail[:SHOWN]}…"
    error = ErrorMessageRunFacet(message, programmingLanguage="python", producer=PRODUCER)
    outputs = [OutputDataset(NAMESPACE, str(item.cell))]
    began = (ended - timedelta(seconds=item.seconds)).isoformat()
    yield _event(RunState.START, began, run, item.cell.asset, parent, [], outputs)
    facets = {**parent, "errorMessage": error}
    yield _event(RunState.FAIL, ended.isoformat(), run, item.cell.asset, facets, [], outputs)


def _event(
    state: Any,
    at: str,
    run: str,
    job: str,
    facets: Mapping[str, Any],
    inputs: list[Any],
    outputs: list[Any],
) -> Any:
    from openlineage.client.event_v2 import Job, Run, RunEvent

    return RunEvent(
        eventTime=at,
        producer=PRODUCER,
        eventType=state,
        run=Run(runId=run, facets=dict(facets)),
        job=Job(namespace=NAMESPACE, name=job),
        inputs=inputs,
        outputs=outputs,
    )


def _parent(run_id: str) -> dict[str, Any]:
    from openlineage.client.generated import parent_run

    facet = parent_run.ParentRunFacet(
        run=parent_run.Run(runId=run_id),
        job=parent_run.Job(namespace=NAMESPACE, name="run"),
        producer=PRODUCER,
    )
    return {"parent": facet}


def _facets(node: Node) -> dict[str, Any]:
    from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet

    return {"version": DatasetVersionDatasetFacet(node.digest, producer=PRODUCER)}
