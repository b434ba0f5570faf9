"""The client of a code server, which asks it to reload the definitions.

The public way is the Reload button or a GraphQL mutation of a web server, which need not run.
Without it a person presses the button after a dataset or model was added.
"""

from __future__ import annotations

from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient

__all__ = ["DagsterGrpcClient", "DagsterUserCodeUnreachableError"]
