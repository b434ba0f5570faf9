"""The service's figures for Prometheus. A label is never a value of a row."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Figures:
    """All figures of one service; `shared` is a folder where several workers add theirs up."""

    def __init__(self, shared: Path | None = None) -> None:
        self._shared = shared
        self._registry = CollectorRegistry()
        labels = ["model", "protocol"]
        self.requests = Counter(
            "ml_assets_requests",
            "Requests by status.",
            [*labels, "status"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "ml_assets_request_seconds",
            "Time of a request.",
            labels,
            buckets=SECONDS,
            registry=self._registry,
        )
        self.rows = Counter("ml_assets_rows", "Predicted rows.", labels, registry=self._registry)
        self.refused = Counter(
            "ml_assets_problems",
            "Rows that break a rule.",
            ["model", "rule"],
            registry=self._registry,
        )
        self.unseen = Counter(
            "ml_assets_unseen",
            "Rows with a category that the model never saw.",
            ["model", "column"],
            registry=self._registry,
        )
        self.out_of_range = Counter(
            "ml_assets_out_of_range",
            "Rows with a number outside of what the model learned from.",
            ["model", "column"],
            registry=self._registry,
        )
        self.version = Gauge(
            "ml_assets_version",
            "The version that is served.",
            ["model"],
            multiprocess_mode="mostrecent",
            registry=self._registry,
        )
        self.behind = Gauge(
            "ml_assets_behind",
            "1 if the current champion is not being served.",
            ["model"],
            multiprocess_mode="max",
            registry=self._registry,
        )

        self.beside = Counter(
            "ml_assets_beside_rows",
            "Rows that the other version of a trial scored, failed to, or had no time for.",
            ["model", "outcome"],
            registry=self._registry,
        )
        self.beside_seconds = Histogram(
            "ml_assets_beside_seconds",
            "Time to score the rows of a request by the other version.",
            ["model"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self.challenger = Gauge(
            "ml_assets_challenger",
            "The version that is on trial beside the champion; -1 without one.",
            ["model"],
            multiprocess_mode="mostrecent",
            registry=self._registry,
        )
        self.unlogged = Counter(
            "ml_assets_requests_log_lost",
            "Answers, or refusals for that reason, that were not kept: there was no room.",
            ["model"],
            registry=self._registry,
        )
        self.log_bytes = Gauge(
            "ml_assets_requests_log_bytes",
            "Size of the requests that are not sealed yet, of all service workers.",
            ["model"],
            multiprocess_mode="mostrecent",
            registry=self._registry,
        )
        self.log_full = Gauge(
            "ml_assets_requests_log_full",
            "1 if the last request could not be kept.",
            ["model"],
            multiprocess_mode="max",
            registry=self._registry,
        )

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        if self._shared is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self._shared))  # type: ignore[no-untyped-call]
        return generate_latest(registry)
