"""What the coordinator does: Flower runs it beside its SuperLink.

Belongs here: asking sites, round after round, until there is a model. Does not belong here: what
the sites agree on (`agreement`), what is accepted of them (`judge`).

It reads `asked.json` in its folder and writes `result.json`: a model, or why there is none. While
it goes it adds lines for people to `progress.jsonl`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg, FedXgbBagging

from . import payload
from .agreement import agreed, problems
from .judge import Judge, Stopped
from .rows import inputs, widths

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run the rounds, and write their result whatever happens: somebody waits for it."""
    folder = Path(str(context.run_config["folder"]))
    try:
        done = _done(grid, context, folder)
    except BaseException as error:
        said = f"the coordinator's program failed: {type(error).__name__}: {error}"
        _write(folder, {"problems": said.splitlines(), "sites": {}, "events": []})
        raise
    _write(folder, done)


def _done(grid: Grid, context: Context, folder: Path) -> dict[str, Any]:
    asked = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    judge = Judge(asked, folder / "progress.jsonl")
    try:
        result = _rounds(grid, context, asked, judge)
    except Stopped as reason:
        result = {"problems": str(reason).splitlines()}
    return {**result, "sites": judge.sites, "events": judge.events}


def _write(folder: Path, result: dict[str, Any]) -> None:
    new = folder / "result.new"
    new.write_text(json.dumps(result, allow_nan=False), encoding="utf-8")
    new.rename(folder / "result.json")


def _rounds(grid: Grid, context: Context, asked: dict[str, Any], judge: Judge) -> dict[str, Any]:
    """Return the plan and the model of all rounds; Stopped if there is none."""
    nodes = _here(grid, asked, judge)
    statements = _statements(grid, nodes, asked, judge)
    wrong = problems(statements, asked)
    if wrong:
        raise Stopped("\n".join(wrong))
    plan = agreed(statements, asked)
    judge.begin(plan)
    config = ConfigRecord({"plan": json.dumps(plan)})
    strategy = _strategy(plan, judge)
    strategy.learn(grid, context, config, asked["wait"])
    best = _best(grid, strategy, config, asked, judge)
    return {"plan": plan, "curve": judge.curve, "rounds": best, **strategy.found(best)}


def _strategy(plan: dict[str, Any], judge: Judge) -> _Trees | _Coefficients:
    if plan["learner"] == "trees":
        return _Trees(judge, plan)
    return (_Masked if plan["secure_aggregation"] else _Coefficients)(judge, plan)


def _here(grid: Grid, asked: dict[str, Any], judge: Judge) -> list[int]:
    """Return the nodes of the sites that came in time; Stopped if they are too few."""
    until = time.monotonic() + asked["wait"]
    nodes: list[int] = []
    while len(nodes) < len(asked["sites"]) and time.monotonic() < until:
        nodes = list(grid.get_node_ids())
        time.sleep(0.2)
    judge.tell(f"{len(nodes)} of {len(asked['sites'])} sites are here")
    if len(nodes) < 2:
        raise Stopped(f"{len(nodes)} of {len(asked['sites'])} sites came; at least two are needed")
    return nodes


def _statements(
    grid: Grid, nodes: list[int], asked: dict[str, Any], judge: Judge
) -> dict[str, Any]:
    """Return what the sites say of their rows, by site."""
    messages = [Message(RecordDict({}), dst_node_id=node, message_type="query") for node in nodes]
    found: dict[str, Any] = {}
    for reply in grid.send_and_receive(messages, timeout=asked["wait"]):
        document = judge.document(reply, "statement", 0)
        if document is not None and judge.joined(document, reply.metadata.src_node_id, found):
            found[document["site"]] = document
    judge.missing(found, 0)
    if len(found) < 2:
        raise Stopped("fewer than two sites said what rows they have:\n" + "\n".join(judge.told()))
    return found


def _best(
    grid: Grid, strategy: Any, config: ConfigRecord, asked: dict[str, Any], judge: Judge
) -> int:
    """Return the round after which the model was best on the sites' validation rows.

    Rounds told the loss of the model before them; what the last one made is measured here.
    """
    last = len(strategy.kept) - 1
    loss = _evaluated(grid, strategy, last, config, asked, judge)
    losses = [*judge.curve[:last], loss]
    best = int(np.argmin(losses))
    if best != last:
        _evaluated(grid, strategy, best, config, asked, judge)
    judge.tell(f"the model after round {best} of {last} is the best on validation")
    return best


def _evaluated(
    grid: Grid,
    strategy: Any,
    number: int,
    config: ConfigRecord,
    asked: dict[str, Any],
    judge: Judge,
) -> float:
    """Put each site's metrics of a model on record; return the mean loss on validation."""
    config["server-round"] = number
    record = RecordDict({"arrays": strategy.kept[number], "config": config})
    messages = [
        Message(record, dst_node_id=node, message_type="evaluate") for node in judge.active()
    ]
    replies = grid.send_and_receive(messages, timeout=asked["wait"])
    return judge.measured([(judge.document(reply, "metrics", number), reply) for reply in replies])


class _Rounds:
    """What both strategies of Flower's share here: whom to ask, and what to believe."""

    judge: Judge
    plan: dict[str, Any]
    kept: list[ArrayRecord]
    start: Callable[..., Any]
    """Flower's own, of each strategy."""

    def learn(self, grid: Grid, context: Context, config: ConfigRecord, wait: float) -> None:
        """Run the rounds; the model after each is in `kept`, the first before any."""
        number = self.plan["rounds"]
        self.start(grid, self.kept[0], number, timeout=wait, train_config=config)

    def messages(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord
    ) -> Iterable[Message]:
        config["server-round"] = server_round
        record = RecordDict({"arrays": arrays, "config": config})
        return [
            Message(record, dst_node_id=node, message_type="train") for node in self.judge.active()
        ]


class _Trees(_Rounds, FedXgbBagging):
    """Flower's bagging of trees; each site's count for its share of rows."""

    def __init__(self, judge: Judge, plan: dict[str, Any]) -> None:
        super().__init__(fraction_evaluate=0.0)
        self.judge, self.plan = judge, plan
        self.cuts = widths(plan)
        self.kept = [self.first()]

    def first(self) -> ArrayRecord:
        """Return a model without trees."""
        return self._record(payload.booster([], len(self.cuts), self.plan["start"]))

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask all sites that are still taking part."""
        self.current_bst = arrays["0"].numpy().tobytes()
        return self.messages(server_round, arrays, config)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Add the trees of all sites that can be believed."""
        plan = self.plan
        bound = plan["bound"] * plan["learning_rate"] * 1.001

        def read(content: bytes) -> list[payload.Tree]:
            return payload.checked(
                content,
                cuts=self.cuts,
                trees=plan["trees"],
                leaves=plan["num_leaves"],
                bound=bound,
            )

        good = self.judge.believed(server_round, replies, read)
        whole = sum(plan["rows"][site] for site in good)
        for site, (message, trees) in good.items():
            share = plan["rows"][site] / whole
            model = payload.booster(payload.scaled(trees, share), len(self.cuts), 0.0)
            message.content["arrays"] = self._record(model)
        messages = [message for message, _ in good.values()]
        arrays, metrics = super().aggregate_train(server_round, messages)
        assert arrays is not None
        self.kept.append(arrays)
        return arrays, metrics

    def found(self, number: int) -> dict[str, Any]:
        """Return the trees of the first rounds."""
        model = json.loads(self.kept[number]["0"].numpy().tobytes())
        return {"trees": payload.stripped(model, self.cuts)}

    def _record(self, model: dict[str, Any]) -> ArrayRecord:
        return ArrayRecord([np.frombuffer(json.dumps(model).encode(), dtype=np.uint8)])


class _Coefficients(_Rounds, FedAvg):
    """Flower's weighted mean of coefficients."""

    def __init__(self, judge: Judge, plan: dict[str, Any]) -> None:
        super().__init__(fraction_evaluate=0.0)
        self.judge, self.plan = judge, plan
        self.width = len(inputs(plan)) + 1
        self.kept = [self.first()]

    def first(self) -> ArrayRecord:
        """Return coefficients of 0."""
        return ArrayRecord([np.zeros(self.width)])

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask all sites that are still taking part."""
        return self.messages(server_round, arrays, config)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Average the coefficients of all sites that can be believed."""
        before = self.kept[-1]["0"].numpy()
        good = self.judge.believed_coefficients(server_round, replies, before)
        arrays, metrics = super().aggregate_train(server_round, good)
        assert arrays is not None
        self.kept.append(arrays)
        return arrays, metrics

    def found(self, number: int) -> dict[str, Any]:
        """Return the coefficients after a round."""
        return {"coefficients": self.kept[number]["0"].numpy().tolist()}


class _Masked(_Coefficients):
    """Flower's secure aggregation of coefficients; rounds that are lost are not made up for."""

    def learn(self, grid: Grid, context: Context, config: ConfigRecord, wait: float) -> None:
        """Run the rounds; the model after each that counts is in `kept`.

        They end once too few sites are left; Stopped if none counted until then.
        """
        for number in range(1, self.plan["rounds"] + 1):
            try:
                self._round(grid, context, config, wait, number)
            except Stopped as reason:
                if len(self.kept) == 1:
                    raise
                self.judge.tell(f"no further rounds: {str(reason).splitlines()[0]}")
                return

    def _round(
        self, grid: Grid, context: Context, config: ConfigRecord, wait: float, number: int
    ) -> None:
        from .secure import Round

        before = self.kept[-1]
        most = max(self.plan["rows"].values())
        found = Round(grid, self.judge, number, before, config).mean(context, most, wait)
        if self.judge.believed_mean(number, found, before["0"].numpy()):
            assert found is not None
            self.kept.append(ArrayRecord([found[0]]))
