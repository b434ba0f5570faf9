"""What a site does when the coordinator asks: Flower runs it in a process of its own.

Belongs here: questions and answers. Does not belong here: what an answer may hold (`payload`),
where it is recorded (`log`).

Every answer passes through `recorded`, so nothing leaves that is not in the site's log.
"""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.clientapp.mod import LocalDpMod

from . import linear, log, masked, measure, privacy, terms
from .log import Refused
from .rows import Site

Answers = Any
ERRORS = "errors.log"
"""What went wrong at the site, which nobody else is told."""


def recorded(message: Message, context: Context, call_next: Answers) -> Message:
    """Answer a message, and put what leaves on record before it does."""
    folder, round_, kind = _folder(context), _round(message), _kind(message)
    try:
        log.willing(folder)
        _insist(folder, message, round_)
        answer = call_next(message, context)
        log.leaving(folder, kind=kind, round_=round_, content=_content(answer.content))
        return answer
    except Refused as refusal:
        why = str(refusal)
    except Exception as error:
        # Flower would send the error's text, which may hold a value of a row.
        why = f"an error of the site's own: {type(error).__name__}"
        with (folder / ERRORS).open("a", encoding="utf-8") as file:
            traceback.print_exc(file=file)
    said = json.dumps({"site": _site(folder)["site"], "refused": why}).encode()
    log.recorded(folder, kind="refusal", round_=round_, content=said)
    return Message(RecordDict({"no": ConfigRecord({"document": said})}), reply_to=message)


def noisy(message: Message, context: Context, call_next: Answers) -> Message:
    """Add Flower's noise to coefficients, if the plan asks for it."""
    if message.metadata.message_type != "train":
        return call_next(message, context)
    plan = _plan(message)
    if plan.get("privacy") is None:
        return call_next(message, context)
    asked, rows = plan["privacy"], len(Site(_folder(context), plan).target("train"))
    noise = privacy.noise_for(asked["epsilon"], plan["rounds"], asked["delta"])
    return LocalDpMod(
        clipping_norm=asked["clipping"],
        sensitivity=linear.sensitivity(plan, rows),
        epsilon=privacy.of_round(noise, asked["delta"]),
        delta=asked["delta"],
    )(message, context, call_next)


app = ClientApp(mods=[recorded, masked.masking, noisy])


@app.query()
def state(message: Message, context: Context) -> Message:
    """Answer with the site's statement, as it was written for its people to read."""
    said = (_folder(context) / "statement.json").read_bytes()
    return Message(RecordDict({"statement": ConfigRecord({"document": said})}), reply_to=message)


@app.train()
def train(message: Message, context: Context) -> Message:
    """Answer with what the site's rows add to the model, and what the model is worth here."""
    folder, plan = _folder(context), _plan(message)
    site, known = Site(folder, plan), _site(folder)
    round_ = _round(message)
    given = message.content["arrays"]["0"].numpy()
    held = site.target("validation")
    if plan["learner"] == "linear":
        rows = linear.standardized(plan, site.values("train"))
        found = linear.stepped(plan, given, rows, site.target("train"))
        inside = linear.standardized(plan, site.values("validation"))
        said = linear.scores(plan, given, inside)
        array = found
    else:
        from . import boost

        least = max(plan["least_rows"], known["least_rows"])
        seed = known["seed"] * 1000 + round_
        bins, model = site.bins("train"), given.tobytes()
        scores = boost.margins(model, bins)
        new = boost.grown(
            plan, bins, site.target("train"), scores, least=least, seed=seed, threads=1
        )
        array = np.frombuffer(json.dumps(new).encode(), dtype=np.uint8)
        said = boost.margins(model, site.bins("validation"))
    measured = measure.measured(plan, held, said)
    loss = measure.loss_in(plan["task"], plan["metric"], measured)
    metrics = MetricRecord(
        {
            "num-examples": len(site.target("train")),
            "held-out": len(held),
            "loss": loss,
        }
    )
    record = RecordDict({"arrays": ArrayRecord([array]), "metrics": metrics})
    return Message(record, reply_to=message)


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    """Answer with metrics of the finished model over all of the site's held-out rows."""
    plan = _plan(message)
    site = Site(_folder(context), plan)
    given = message.content["arrays"]["0"].numpy()
    found = {}
    for fold in ("validation", "test"):
        target = site.target(fold)
        if plan["learner"] == "linear":
            said = linear.scores(plan, given, linear.standardized(plan, site.values(fold)))
        else:
            from . import boost

            said = boost.margins(given.tobytes(), site.bins(fold))
        found[fold] = {"rows": len(target), **measure.measured(plan, target, said)}
    document = json.dumps(found).encode()
    return Message(RecordDict({"metrics": ConfigRecord({"document": document})}), reply_to=message)


def _folder(context: Context) -> Path:
    return Path(str(context.node_config["folder"]))


def _site(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "site.json").read_text(encoding="utf-8"))


def _round(message: Message) -> int:
    """Return the number of a round; questions before the first are 0."""
    config = message.content.config_records.get("config", {})
    return int(config.get("server-round", 0))


def _kind(message: Message) -> str:
    """Return what the log calls the answer to a message."""
    return masked.stage_of(message) or str(message.metadata.message_type)


def _plan(message: Message) -> dict[str, Any]:
    return json.loads(message.content["config"]["plan"])


def _insist(folder: Path, message: Message, round_: int) -> None:
    """Raise Refused for what the site never agreed to, whatever the coordinator asks."""
    kind, known = _kind(message), _site(folder)
    if kind == "query":
        return
    before = [line["kind"] for line in log.left(folder)[known["logged"] :]]
    wrong = terms.broken(known, _plan(message), kind=kind, round_=round_, before=before)
    if masked.stage_of(message) is not None:
        wrong += masked.weak(message, known["sites"])
    elif kind == "train" and known["secure_aggregation"]:
        wrong.append("coefficients without masks")
    if wrong:
        raise Refused("the coordinator asks for " + "; ".join(wrong))


def _content(record: RecordDict) -> bytes:
    """Return all that a record says, as what a person can read."""
    parts = []
    for name, found in record.config_records.items():
        if "document" in found:
            parts.append(bytes(found["document"]))
        elif name == masked.CONFIGS:
            parts.append(json.dumps(masked.readable(found)).encode())
        else:
            parts.append(json.dumps(dict(found)).encode())
    for found in record.metric_records.values():
        parts.append(json.dumps(dict(found)).encode())
    for found in record.array_records.values():
        for array in found.to_numpy_ndarrays():
            plain = array.dtype == np.uint8
            parts.append(array.tobytes() if plain else json.dumps(array.tolist()).encode())
    return b"\n".join(parts)
