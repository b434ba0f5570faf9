"""The `monitoring` section of a model: what its batches are compared with, and when to warn."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ml_assets.spec.base import Names, Spec
from ml_assets.spec.mistakes import SECRET, Mistakes
from ml_assets.spec.quality import Block, Smallest
from ml_assets.spec.sql import VARIABLE


class Alerts(Spec):
    """Where the warnings of a report are sent; each once."""

    webhook: str = Field(json_schema_extra={**SECRET})
    """`env:NAME`: the environment variable that holds an address which takes a JSON document by
    POST. An address itself is refused, since it may hold a secret."""
    form: Literal["json", "slack"] = "json"
    """`json` has the figures and a text; `slack` only `{"text": …}`, which Slack, Mattermost and
    others show as it is."""

    @model_validator(mode="after")
    def _names_a_variable(self) -> Alerts:
        if not VARIABLE.fullmatch(self.webhook):
            # Not as the error of a field, which shows what was given: it may hold a secret.
            said = (
                "wanted env:NAME, the environment variable that holds the webhook's address (such "
                "as env:ALERTS_URL); an address itself is refused, since it may hold a secret"
            )
            raise Mistakes([(("webhook",), said)])
        return self

    @property
    def variable(self) -> str:
        """The environment variable that holds the address."""
        return self.webhook.partition(":")[2]


class Monitoring(Spec):
    """A report on each batch that was predicted; `{}` will do."""

    false_alarm_rate: float = Field(default=0.05, gt=0.0, le=0.5)
    """The share of batches like the champion's training rows in which a check warns by chance,
    however many inputs there are."""
    block: Block | None = None
    """Rows that arrive together and are resampled together. By default a day if the dataset has a
    `time`, otherwise a row."""
    smallest: Smallest = Smallest()
    """The smallest effects that are worth a warning, however significant."""
    ignore: Names = ()
    """Inputs that are expected to change from batch to batch, and are not compared."""
    alerts: Alerts | None = None
    """Where warnings are sent, by default nowhere ([more](../how-to/watch-a-model.md))."""
