"""Which of the sites' answers the coordinator believes, and what it puts on record of them.

Belongs here: whom to ask, what to accept, why not. Does not belong here: sending (`server`), the
form of a payload (`payload`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import linear, privacy
from .measure import NAMES, loss_in
from .payload import Lie

ANY = "a site"
"""One that has not said its name, or whose answer the SuperLink stands in for."""
MOST_MISSES = 2
"""A site that did not answer, or lied, so many times is not asked any more."""


class Stopped(Exception):
    """There is no model; the text says why, a line for each reason."""


class Judge:
    """What the coordinator knows of each site."""

    def __init__(self, asked: Mapping[str, Any], progress: Path) -> None:
        self._asked, self._progress = asked, progress
        self._nodes: dict[str, int] = {}
        self._misses: dict[str, int] = {}
        self._plan: Mapping[str, Any] = {}
        self._lost = 0
        """Rounds of masked answers that did not count."""
        self.sites: dict[str, dict[str, Any]] = {site: {} for site in asked["sites"]}
        self.events: list[dict[str, Any]] = []
        self.curve: list[float] = []

    def tell(self, text: str) -> None:
        """Add a line for people."""
        with self._progress.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"said": text}) + "\n")

    def told(self) -> list[str]:
        """Return what happened at sites, a line for each event."""
        return [f"{e['site']}: {e['said']} (round {e['round']})" for e in self.events]

    def active(self, least: int = 2) -> list[int]:
        """Return the nodes that are asked; Stopped if they are fewer than `least`."""
        nodes = self._asked_nodes()
        if len(nodes) < least:
            few = {2: "two", 3: "three"}[least]
            raise Stopped(f"fewer than {few} sites are left:\n" + "\n".join(self.told()))
        return nodes

    def _asked_nodes(self) -> list[int]:
        return [node for site, node in self._nodes.items() if self._misses[site] < MOST_MISSES]

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Take note of what was agreed."""
        self._plan = plan
        for site, rows in plan["rows"].items():
            self.sites[site]["rows"] = rows
        total = sum(plan["rows"].values())
        self.tell(f"{len(plan['rows'])} sites agree, with {total:,} rows to learn from")
        for site, rows in plan["rows"].items():
            if rows < 0.02 * total:
                self._event(site, 0, f"has {rows / total:.1%} of all rows, and counts for as much")

    def document(self, reply: Any, name: str, round_: int) -> dict[str, Any] | None:
        """Return the JSON document of a reply; None, with an event, if there is none."""
        site = self._site(reply)
        if reply.has_error():
            self._missed(site, round_, f"failed: {str(reply.error.reason)[:200]}")
            return None
        if self._said_no(reply, site, round_):
            return None
        try:
            content = bytes(reply.content[name]["document"])
            found = json.loads(content, parse_constant=_no_number)
        except (KeyError, TypeError, ValueError) as error:
            self._missed(site, round_, f"sent no {name}: {str(error)[:200]}")
            return None
        return found if isinstance(found, dict) else None

    def joined(self, said: Mapping[str, Any], node: int, known: Mapping[str, Any]) -> bool:
        """Take a site in by its statement; a name is taken once, and only an expected one."""
        site = str(said.get("site"))
        if site not in self._asked["sites"] or site in known:
            why = "joined twice" if site in known else "is not a site of the spec"
            self._event(site, 0, f"{why}; not asked")
            return False
        self._nodes[site], self._misses[site] = node, 0
        return True

    def missing(self, found: Iterable[str], round_: int) -> None:
        """Put on record which expected sites are not among those found."""
        here = set(found)
        known = {event["site"] for event in self.events}
        for site in self._asked["sites"]:
            if site not in here and site not in known:
                self._event(site, round_, "did not come")

    def believed(
        self, round_: int, replies: Iterable[Any], read: Callable[[bytes], Any]
    ) -> dict[str, tuple[Any, Any]]:
        """Return by site the messages that can be believed, and what `read` makes of them.

        Stopped if none can.
        """

        def both(content: Any) -> tuple[Any, float]:
            found = read(content["arrays"]["0"].numpy().tobytes())
            loss = float(content["metrics"]["loss"])
            if not math.isfinite(loss):
                raise Lie("its loss is not a number")
            return found, loss

        heard = self.heard(round_, replies, self._asked_nodes(), both)
        if not heard:
            raise Stopped(f"no site answered in round {round_}:\n" + "\n".join(self.told()))
        for site, reply, _ in heard:
            # A site's weight is what it said before the first round.
            reply.content["metrics"]["num-examples"] = self._plan["rows"][site]
        self._counts(round_, {site: loss for site, _, (_, loss) in heard})
        return {site: (reply, found) for site, reply, (found, _) in heard}

    def heard(
        self,
        round_: int,
        replies: Iterable[Any],
        asked: Collection[int],
        read: Callable[[Any], Any],
    ) -> list[tuple[str, Any, Any]]:
        """Return (site, reply, what `read` makes of it) of the sites that answered as they should.

        The others of the nodes that were asked are put on record.
        """
        good, answered = [], set()
        for reply in replies:
            site = self._site(reply)
            answered.add(site)
            if reply.has_error():
                self._missed(site, round_, f"failed: {str(reply.error.reason)[:200]}")
                continue
            if self._said_no(reply, site, round_):
                continue
            try:
                good.append((site, reply, read(reply.content)))
            except (Lie, KeyError, TypeError, ValueError) as error:
                self._missed(site, round_, f"sent what cannot be believed, not used: {error}")
        for site, node in self._nodes.items():
            if node in asked and site not in answered:
                self._missed(site, round_, f"did not answer within {self._asked['wait']} s")
        return good

    def _counts(self, round_: int, losses: Mapping[str, float]) -> None:
        """Let a round count, with each site's loss of the model before it."""
        for site in losses:
            self._misses[site] = 0
        weights = [self._plan["rows"][site] for site in losses]
        self.curve.append(float(np.average(list(losses.values()), weights=weights)))
        self.tell(f"round {round_}: {len(losses)} sites, loss before it {self.curve[-1]:.4g}")

    def believed_mean(
        self,
        round_: int,
        found: tuple[NDArray[np.float64], Mapping[int, float]] | None,
        before: NDArray[np.float64],
    ) -> bool:
        """Tell whether a mean of masked coefficients counts; which site spoiled it nobody sees.

        Stopped after two rounds that do not.
        """
        if found is not None:
            mean, losses = found
            length, longest = float(np.linalg.norm(mean - before)), self._longest(before)
            if length <= longest:
                sites = {node: site for site, node in self._nodes.items()}
                self._counts(round_, {sites[node]: loss for node, loss in losses.items()})
                return True
            why = f"a mean change of length {length:.3g}, wanted at most {longest:.3g}"
            self._event(ANY, round_, f"sent what cannot be believed, not used: {why}")
        self._lost += 1
        if self._lost >= MOST_MISSES:
            raise Stopped(f"{self._lost} rounds were lost:\n" + "\n".join(self.told()))
        return False

    def spoiled(self, round_: int, why: str) -> None:
        """Put on record why the answers to a round have no mean."""
        self._event(ANY, round_, f"spoiled the round: {why}")

    def believed_coefficients(
        self, round_: int, replies: Iterable[Any], before: NDArray[np.float64]
    ) -> list[Any]:
        """Return the messages whose coefficients can be believed, as `believed`."""
        longest = self._longest(before)

        def read(content: bytes) -> NDArray[np.float64]:
            found = np.frombuffer(content, dtype=np.float64)
            if found.shape != before.shape or not np.isfinite(found).all():
                raise Lie(f"wanted {len(before)} finite coefficients")
            length = float(np.linalg.norm(found - before))
            if length > longest:
                raise Lie(f"a change of length {length:.3g}, wanted at most {longest:.3g}")
            return found

        return [message for message, _ in self.believed(round_, replies, read).values()]

    def _longest(self, before: NDArray[np.float64]) -> float:
        """Return the longest change of coefficients that an honest site makes in a round."""
        plan = self._plan
        pulled = linear.LONGEST + float(np.linalg.norm(before))
        longest = linear.STEPS * linear.step(plan) * pulled
        if plan.get("privacy") is None:
            return longest
        noise = privacy.noise_for(
            plan["privacy"]["epsilon"], plan["rounds"], plan["privacy"]["delta"]
        )
        deviation = noise * linear.sensitivity(plan, min(plan["rows"].values()))
        return longest + 5 * deviation * math.sqrt(len(before))

    def measured(self, answers: Iterable[tuple[Any, Any]]) -> float:
        """Put each site's metrics on record; return their mean loss on validation."""
        losses, weights = [], []
        for found, reply in answers:
            site = self._site(reply)
            if found is None:
                continue
            if not self._are_metrics(found):
                self._event(site, 0, "sent metrics that are none")
                continue
            self.sites[site]["metrics"] = found
            losses.append(loss_in(self._plan["task"], self._plan["metric"], found["validation"]))
            weights.append(self._plan["rows"][site])
        return float(np.average(losses, weights=weights)) if losses else math.inf

    def _are_metrics(self, found: Mapping[str, Any]) -> bool:
        names = {"rows", *NAMES[self._plan["task"]]}
        return all(
            isinstance(fold, dict)
            and set(fold) == names
            and all(isinstance(v, int | float) and math.isfinite(v) for v in fold.values())
            for fold in (found.get("validation"), found.get("test"))
        )

    def _site(self, reply: Any) -> str:
        node = reply.metadata.src_node_id
        return next((s for s, known in self._nodes.items() if known == node), ANY)

    def _said_no(self, reply: Any, site: str, round_: int) -> bool:
        if "no" not in reply.content.config_records:
            return False
        why = "no reason given"
        try:
            said = json.loads(bytes(reply.content["no"]["document"]))
            why = said["refused"]
            if site not in self._nodes and said["site"] in set(self.sites) - set(self._nodes):
                site = said["site"]
        except (KeyError, TypeError, ValueError):
            pass
        self._event(site, round_, f"said no: {str(why)[:300]}")
        if site in self._misses:
            self._misses[site] = MOST_MISSES
        return True

    def _missed(self, site: str, round_: int, said: str) -> None:
        self._event(site, round_, said)
        if site in self._misses:
            self._misses[site] += 1

    def _event(self, site: str, round_: int, said: str) -> None:
        event = {"site": site, "round": round_, "said": said}
        if event in self.events:
            return
        self.events.append(event)
        self.tell(f"{site}: {said}")


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number")
