"""Secure aggregation at a site, by Flower's SecAgg+: its coefficients leave as a sum with masks.

Belongs here: what a site sends in each stage of a round, what it insists on there, the masks. Does
not belong here: the coordinator's side (`secure`).

A coordinator that follows the stages learns the mean of the sites and no site's own coefficients.
It relays the sites' keys, so one that hands out keys of its own instead is not kept out.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from flwr.app import Context, Message
from flwr.common import Code, FitRes, Status, bytes_to_ndarray, ndarrays_to_parameters
from flwr.common.secure_aggregation.secaggplus_constants import RECORD_KEY_CONFIGS, Key, Stage
from flwr.compat.common.recorddict_compat import fitres_to_recorddict
from numpy.typing import NDArray

CONFIGS = RECORD_KEY_CONFIGS
STAGES = {
    Stage.SETUP: "keys",
    Stage.SHARE_KEYS: "shares",
    Stage.COLLECT_MASKED_VECTORS: "train",
    Stage.UNMASK: "unmask",
}
"""What the log of a site calls the answers."""
LEAST_SITES = 3
"""Of two, each would know the other's coefficients from the mean."""
RANGES = {Key.CLIPPING_RANGE: 8.0, Key.TARGET_RANGE: 2**22, Key.MOD_RANGE: 2**32}
"""Coefficients within ±8 become one of 2^22 whole numbers; masks are below 2^32."""


def masks(seed: bytes, below: int, shapes: Sequence[tuple[int, ...]]) -> list[NDArray[np.int64]]:
    """Return masks of some shapes, by ChaCha20 with a digest of the seed as its key.

    Flower's own come from a generator of which only 28 bits depend on the seed, so that trying all
    gives a mask away.
    """
    key = hashlib.sha256(seed).digest()
    stream = Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor()
    found = []
    for shape in shapes:
        data = stream.update(bytes(4 * int(np.prod(shape, dtype=int))))
        found.append((np.frombuffer(data, dtype="<u4").astype(np.int64) % below).reshape(shape))
    return found


# The packages give functions of the same names instead of the modules.
site_side = importlib.import_module("flwr.client.mod.secure_aggregation.secaggplus_mod")
site_side.pseudo_rand_gen = masks  # type: ignore[attr-defined]


def stage_of(message: Message) -> str | None:
    """Return what the log calls a message's stage; None if it is none of secure aggregation."""
    configs = message.content.config_records.get(CONFIGS)
    return None if configs is None else STAGES.get(str(configs.get(Key.STAGE)), "unknown")


def masking(message: Message, context: Context, call_next: Any) -> Message:
    """Answer a stage of secure aggregation by Flower's module; other messages go on."""
    if stage_of(message) is None:
        return call_next(message, context)

    def learned(message: Message, context: Context) -> Message:
        content = call_next(message, context).content
        metrics = content["metrics"]
        found = FitRes(
            Status(Code.OK, ""),
            ndarrays_to_parameters([content["arrays"]["0"].numpy()]),
            int(metrics["num-examples"]),
            {"loss": float(metrics["loss"]), "held-out": int(metrics["held-out"])},
        )
        return Message(fitres_to_recorddict(found, keep_input=False), reply_to=message)

    return site_side.secaggplus_mod(message, context, learned)


def readable(configs: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stage's answer as JSON: masked coefficients as numbers, keys and shares in hex."""
    found: dict[str, Any] = {}
    for name, value in configs.items():
        if name == Key.MASKED_PARAMETERS:
            found[name] = [bytes_to_ndarray(part).tolist() for part in value]
        elif isinstance(value, list):
            found[name] = [part.hex() if isinstance(part, bytes) else part for part in value]
        else:
            found[name] = value.hex() if isinstance(value, bytes) else value
    return found


def weak(message: Message, sites: int) -> list[str]:
    """Return what in a stage would let the coordinator see single sites; nothing if all is well.

    No secret is known to so few sites that the coordinator can ask for both halves of it.
    """
    configs: Mapping[str, Any] = message.content.config_records[CONFIGS]
    stage = configs[Key.STAGE]
    if stage == Stage.SETUP:
        asked, shares = configs[Key.SAMPLE_NUMBER], configs[Key.SHARE_NUMBER]
        wrong = [f"{n} {configs[n]}, wanted {v}" for n, v in RANGES.items() if configs[n] != v]
        if not LEAST_SITES <= asked <= sites or shares != asked:
            wrong.append(f"{asked} sites and {shares} shares, wanted {LEAST_SITES} to {sites}")
        if 2 * configs[Key.THRESHOLD] <= shares:
            wrong.append(f"{configs[Key.THRESHOLD]} of {shares} shares, wanted more than half")
        return wrong
    if stage == Stage.SHARE_KEYS and len(configs) - 1 < LEAST_SITES:
        return [f"the keys of {len(configs) - 1} sites, wanted at least {LEAST_SITES}"]
    if stage == Stage.UNMASK:
        both = set(configs[Key.ACTIVE_NODE_ID_LIST]) & set(configs[Key.DEAD_NODE_ID_LIST])
        return ["both secrets of a site"] if both else []
    return []
