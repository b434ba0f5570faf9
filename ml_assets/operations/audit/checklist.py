"""What is on record, held against the EU AI Act's articles 12, 19 and 26 (Regulation 2024/1689).

Belongs here: each paragraph in our words, what a home has for it, and what it does not have.
Whether a system is a high-risk one, and whether what is here is enough, are for people to judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from ml_assets.spec.model import ModelSpec
from ml_assets.spec.project import Project
from ml_assets.stages.counted import counted

Document = Mapping[str, Any]
SIX_MONTHS = timedelta(days=184)


@dataclass(frozen=True)
class Item:
    """One paragraph."""

    article: str
    asks: str
    status: Literal["covered", "partly", "not covered"]
    here: str
    """What there is for it."""
    missing: tuple[str, ...] = ()
    """What there is not."""


def checklist(project: Project, model: str, document: Document) -> list[dict[str, Any]]:
    """Return every paragraph with what is covered and what is not."""
    spec = project.models[model]
    items = [*_recording(spec, document), *_keeping(spec, document), *_using(spec, document)]
    return [{**asdict(item), "missing": list(item.missing)} for item in items]


def _item(article: str, asks: str, here: str, *missing: str | None) -> Item:
    """Return an item: covered if nothing is missing, and not covered if there is nothing here."""
    said = tuple(text for text in missing if text)
    return Item(article, asks, "covered" if not said else "partly" if here else "not covered",
                here, said)  # fmt: skip


def _recording(spec: ModelSpec, document: Document) -> Iterator[Item]:
    log = document["log"]
    kept = spec.requests
    days, batches = document["use"]["days"], document["use"]["batches"]
    yield _item(
        "12(1)",
        "The system records events automatically over its lifetime.",
        f"{counted(log['entries'], 'entry', 'entries')} on a hash-chained log of decisions; "
        f"{counted(len(document['landings']), 'landed file')}; "
        f"{counted(len(batches), 'predicted batch', 'predicted batches')} and "
        f"{counted(sum(day['rows'] for day in days), 'requested row')} in the period, each with "
        "its version.",
        log["broken"],
        "what the service is asked is not kept: set `requests: {}`" if kept is None else None,
        None
        if kept is None or kept.sample == 1.0
        else f"only {kept.sample:.0%} of requests are kept: `requests.sample`",
        "requests are answered without a record while the disk is full: `requests.on_full: refuse` "
        "prevents it"
        if kept is not None and kept.on_full != "refuse"
        else None,
        "requests without an answer are counted by /metrics, not kept",
    )
    yield _item(
        "12(2)(a)",
        "Events show when the system may present a risk, or was changed substantially.",
        f"Every new version is a decision with its evidence "
        f"({counted(len(document['decisions']), 'decision')}); "
        f"{counted(len(document['incidents']), 'incident')} and "
        f"{counted(len(document['alarms']), 'alarm')} in the period.",
        _unwatched(spec),
        "whether a change is substantial, or a risk one of article 79, is for people to judge",
    )
    yield _item(
        "12(2)(b)",
        "Events serve monitoring after the system is on the market (article 72).",
        "" if spec.monitoring is None else "Monitoring reports of each batch of predictions"
        + (" and each day of requests" if kept is not None else "")
        + ": drift, realized and estimated metrics.",
        _unwatched(spec),
    )  # fmt: skip
    yield _item(
        "12(2)(c)",
        "Events serve the deployer's monitoring of operation (article 26(5)).",
        "" if spec.monitoring is None else "The same reports, checks on Dagster's page, /metrics.",
        _unwatched(spec),
        _unalerted(spec),
    )
    yield _item(
        "12(3)",
        "Remote biometric identification: periods of use, reference database, matches, verifiers.",
        "",
        "nothing here is made for such systems",
    )


def _keeping(spec: ModelSpec, document: Document) -> Iterator[Item]:
    yield _kept("19(1)", "The provider keeps these logs for at least six months.", spec, document)
    yield _item(
        "19(2)",
        "Financial institutions keep them as part of their documentation.",
        "",
        "where documents are filed is for the institution: `--json` and `--html` are the files",
    )


def _using(spec: ModelSpec, document: Document) -> Iterator[Item]:
    owners = ", ".join(spec.owners)
    yield _item(
        "26(1)",
        "The deployer uses the system in accordance with its instructions.",
        "Each release has a model card with use, data, metrics and limits; rows that break the "
        "contract get no prediction.",
        "what is done with predictions is not seen from here",
    )
    yield _item(
        "26(2)",
        "Human oversight is assigned to competent people.",
        f"{'Owners: ' + owners + '. ' if owners else ''}"
        f"Promotions can wait for a person (`gate.mode: {spec.gate.mode}` now); every entry names "
        f"who acted; {counted(len(document['overrides']), 'override')} with reasons in the period.",
        None if owners else "no owners are named: set `owners`",
        "competence, training and authority of these people",
    )
    yield _item(
        "26(4)",
        "Input data are relevant and sufficiently representative.",
        "A contract for each dataset, rows that were left out counted by rule, drift against the "
        "training rows" + (", metrics by protected group." if spec.evaluation.protected else "."),
        _unwatched(spec),
        None
        if spec.evaluation.protected
        else "no protected columns are declared: `evaluation.protected`",
        "whether the data suit the purpose is for people to judge",
    )
    yield _item(
        "26(5)",
        "The deployer monitors, informs provider and authority, and suspends use where needed.",
        "" if spec.monitoring is None else "Monitoring reports and alarms; `ml-assets rollback` "
        "restores an earlier version at once.",
        _unwatched(spec),
        _unalerted(spec),
        "informing providers and authorities",
    )  # fmt: skip
    yield _kept("26(6)", "The deployer keeps these logs for at least six months.", spec, document)
    for article, asks in (
        ("26(7)", "Workers and their representatives are informed beforehand."),
        ("26(8)", "Public authorities register the system's use (article 49)."),
        ("26(9)", "The provider's information is used for a data protection impact assessment."),
        ("26(10)", "Later remote biometric identification is authorised case by case."),
        ("26(11)", "People about whom decisions are made are told that the system is used."),
    ):
        yield _item(article, asks, "", "done outside of this system, and not recorded in it")
    yield _item(
        "26(12)",
        "The deployer cooperates with authorities.",
        "This document; `ml-assets trace` follows one prediction to the lines that trained its "
        "model; `ml-assets recreate` makes a released model again and compares.",
        "the cooperation itself",
    )


def _kept(article: str, asks: str, spec: ModelSpec, document: Document) -> Item:
    kept = spec.requests
    short = kept is not None and kept.kept_for < SIX_MONTHS
    deleted = document["deletions"]
    return _item(
        article,
        asks,
        "The log of decisions is never shortened, and what a decision names is kept."
        + (f" Requests are kept for {kept.retention}." if kept is not None else "")
        + (
            f" {counted(len(deleted), 'deletion')} in the period left a tombstone each."
            if deleted
            else ""
        ),
        "what the service is asked is not kept: set `requests: {}`" if kept is None else None,
        "that is less than six months: `requests.retention`" if short else None,
        document["log"]["broken"],
    )


def _unwatched(spec: ModelSpec) -> str | None:
    return None if spec.monitoring is not None else "no monitoring: set `monitoring: {}`"


def _unalerted(spec: ModelSpec) -> str | None:
    if spec.monitoring is None or spec.monitoring.alerts is not None:
        return None
    return "nobody is told of an alarm: set `monitoring.alerts`"
