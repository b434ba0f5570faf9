"""Lineage as OpenLineage events, sent by its own client to a file or an HTTP endpoint.

One COMPLETE event a version: its inputs and output with our digests as dataset versions. The run's
id is made from the action keys, so that sending twice says the same twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from ml_assets.errors import PublishError, RequestError
from ml_assets.plan.provenance import Node

NAMESPACE = "ml_assets"
PRODUCER = "urn:ml_assets"


def send(nodes: Mapping[str, Node], target: str) -> int:
    """Send an event for each version that was made; return how many.

    `target` is a file, appended to, or an http(s) URL. Raises PublishError where it cannot be
    reached, RequestError for another kind of URL.
    """
    if "://" in target and not target.startswith(("http://", "https://")):
        raise RequestError(f"{target!r}: wanted a file, or a URL that begins with http(s)://")
    transport = _transport(target)
    events = [_event(nodes, node) for node in nodes.values() if node.actions]
    try:
        for event in events:
            transport.emit(event)
    except (OSError, RuntimeError) as error:
        # requests' errors are OSErrors; a file that cannot be written is the client's RuntimeError.
        raise PublishError(f"OpenLineage events cannot be sent to {target}: {error}") from error
    finally:
        transport.close()
    return len(events)


def _transport(target: str) -> Any:
    if not target.startswith("http"):
        from openlineage.client.transport.file import FileConfig, FileTransport

        return FileTransport(FileConfig(log_file_path=target, append=True))
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    retry = {"total": 1, "backoff_factor": 0.2}
    return HttpTransport(HttpConfig.from_dict({"url": target, "timeout": 5.0, "retry": retry}))


def _event(nodes: Mapping[str, Node], node: Node) -> Any:
    from openlineage.client.event_v2 import (
        InputDataset,
        Job,
        OutputDataset,
        Run,
        RunEvent,
        RunState,
    )

    run = uuid.uuid5(uuid.NAMESPACE_URL, f"{node.name} {sorted(node.actions.items())}")
    return RunEvent(
        eventTime=node.created,
        producer=PRODUCER,
        eventType=RunState.COMPLETE,
        run=Run(runId=str(run)),
        job=Job(namespace=NAMESPACE, name=node.cell.asset),
        inputs=[
            InputDataset(NAMESPACE, str(nodes[name].cell), facets=_facets(nodes[name]))
            for name in node.inputs
        ],
        outputs=[OutputDataset(NAMESPACE, str(node.cell), facets=_facets(node))],
    )


def _facets(node: Node) -> dict[str, Any]:
    from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet

    return {"version": DatasetVersionDatasetFacet(node.digest, producer=PRODUCER)}
