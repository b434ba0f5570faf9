"""Secure aggregation at the coordinator, by Flower's SecAgg+: a round's mean of all sites.

Belongs here: one round in its four stages, which answers are passed on. Does not belong here: the
sites' side (`masked`), what a mean may be (`judge`).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.common import FitIns, Parameters, bytes_to_ndarray, parameters_to_ndarrays
from flwr.common.secure_aggregation.secaggplus_constants import Key, Stage
from flwr.compat.common.recorddict_compat import recorddict_to_fitres
from flwr.server.compat.legacy_context import LegacyContext
from flwr.serverapp import Grid
from flwr.supercore.primitives.asymmetric import bytes_to_public_key
from numpy.typing import NDArray

from .judge import Judge
from .masked import CONFIGS, LEAST_SITES, RANGES, masks
from .payload import Lie

coordinator_side = importlib.import_module(
    "flwr.server.workflow.secure_aggregation.secaggplus_workflow"
)
coordinator_side.pseudo_rand_gen = masks  # type: ignore[attr-defined]
CURVE = "secp384r1"
"""Of the keys that Flower makes."""
Found = tuple[NDArray[np.float64], dict[int, float]]
"""The mean of the sites' coefficients, and by node the loss of the model before the round."""


class Round:
    """One round: Flower's workflow asks through this instead of the grid."""

    def __init__(
        self, grid: Grid, judge: Judge, number: int, arrays: ArrayRecord, config: ConfigRecord
    ) -> None:
        self._grid, self._judge, self._number = grid, judge, number
        self._arrays, self._config = arrays, config
        config["server-round"] = number
        self._results: list[tuple[Any, Any]] = []
        self._nodes: list[int] = []

    def mean(self, context: Context, most: int, wait: float) -> Found | None:
        """Return what the sites found together; None, with events, if the round is lost.

        `most` is the most rows that a site has. Raises Stopped if too few sites are left.
        """
        self._nodes = self._judge.active(LEAST_SITES)
        workflow = coordinator_side.SecAggPlusWorkflow(
            1.0,
            max(len(self._nodes) // 2 + 1, 2),
            max_weight=float(most),
            clipping_range=RANGES[Key.CLIPPING_RANGE],
            quantization_range=RANGES[Key.TARGET_RANGE],
            modulus_range=RANGES[Key.MOD_RANGE],
            timeout=wait,
        )
        state = LegacyContext(context=context, strategy=self, client_manager=self)
        state.state.config_records["config"] = ConfigRecord({"current_round": self._number})
        state.state.array_records["parameters"] = self._arrays
        try:
            workflow(self, state)
        except ValueError as error:
            # Shares of different secrets, by whom cannot be told.
            self._judge.spoiled(self._number, f"the masks cannot be removed: {error}")
            return None
        if not self._results:
            self._judge.spoiled(self._number, "too few sites answered in each of its stages")
            return None
        (_, first), *_ = self._results
        losses = {proxy.node_id: float(said.metrics["loss"]) for proxy, said in self._results}
        return parameters_to_ndarrays(first.parameters)[0], losses

    # What the workflow asks of the older strategies and client managers.

    def num_available(self) -> int:
        """Return how many sites are asked."""
        return len(self._nodes)

    def configure_fit(self, *_: Any) -> list[tuple[Any, FitIns]]:
        """Return whom to ask; what is sent with it is `_content`."""
        return [(SimpleNamespace(node_id=n), FitIns(Parameters([], ""), {})) for n in self._nodes]

    def aggregate_fit(self, _: int, results: Any, __: Any) -> tuple[None, dict[str, Any]]:
        """Take the sites' mean, which is in every result."""
        self._results = results
        return None, {}

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float) -> list[Message]:
        """Ask sites, and return the answers that Flower's workflow can read."""
        asked = [
            Message(self._content(m), dst_node_id=m.metadata.dst_node_id, message_type="train")
            for m in messages
        ]
        nodes, sites = {m.metadata.dst_node_id for m in asked}, set(self._nodes)
        stage = str(asked[0].content.config_records[CONFIGS][Key.STAGE])
        width = len(self._arrays["0"].numpy())
        replies = self._grid.send_and_receive(asked, timeout=timeout)
        good = self._judge.heard(
            self._number, replies, nodes, lambda content: _READ[stage](content, sites, width)
        )
        return [reply for _, reply, _ in good]

    def _content(self, message: Message) -> RecordDict:
        configs = message.content.config_records[CONFIGS]
        content = RecordDict({"config": self._config, CONFIGS: configs})
        if configs[Key.STAGE] == Stage.COLLECT_MASKED_VECTORS:
            content["arrays"] = self._arrays
        return content


def _keys(content: RecordDict, _: set[int], __: int) -> None:
    for name in (Key.PUBLIC_KEY_1, Key.PUBLIC_KEY_2):
        try:
            key = bytes_to_public_key(_of(bytes, content[CONFIGS][name]))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise Lie("a key that cannot be read") from error
        if not isinstance(key, EllipticCurvePublicKey) or key.curve.name != CURVE:
            raise Lie(f"a key that is not of {CURVE}")


def _shares(content: RecordDict, nodes: set[int], _: int) -> None:
    to, texts = content[CONFIGS][Key.DESTINATION_LIST], content[CONFIGS][Key.CIPHERTEXT_LIST]
    if not set(to) <= nodes or len(to) != len(texts):
        raise Lie("shares for sites that are not asked")
    for text in texts:
        _of(bytes, text)


def _vector(content: RecordDict, _: set[int], width: int) -> None:
    said = recorddict_to_fitres(content, keep_input=True)
    if not math.isfinite(float(said.metrics["loss"])):
        raise Lie("its loss is not a number")
    found = [bytes_to_ndarray(part) for part in content[CONFIGS][Key.MASKED_PARAMETERS]]
    if [part.shape for part in found] != [(1,), (width,)]:
        raise Lie(f"wanted {width} masked coefficients")
    if any(
        p.dtype != np.int64 or (p < 0).any() or (p >= RANGES[Key.MOD_RANGE]).any() for p in found
    ):
        raise Lie("masked coefficients are whole numbers below 2^32")


def _unmasked(content: RecordDict, nodes: set[int], _: int) -> None:
    ids, shares = content[CONFIGS][Key.NODE_ID_LIST], content[CONFIGS][Key.SHARE_LIST]
    if not set(ids) <= nodes or len(ids) != len(shares):
        raise Lie("not one share for each site")
    for share in shares:
        _of(bytes, share)


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise Lie(f"wanted {kind.__name__}, got {type(value).__name__}")
    return value


_READ: Mapping[str, Callable[[RecordDict, set[int], int], None]] = {
    Stage.SETUP: _keys,
    Stage.SHARE_KEYS: _shares,
    Stage.COLLECT_MASKED_VECTORS: _vector,
    Stage.UNMASK: _unmasked,
}
