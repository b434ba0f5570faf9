"""A dataset whose rows are pulled from a database by a query (`landing.sql`).

Belongs here: what a spec says of it. Does not belong here: connecting, which batches are read.
"""

from __future__ import annotations

import re
from datetime import timedelta

from pydantic import Field, field_validator, model_validator

from ml_assets.spec.base import Spec
from ml_assets.spec.cut import cut_of
from ml_assets.spec.mistakes import SECRET, Mistakes

VARIABLE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
LENGTH = re.compile(r"([0-9]{1,6}) (second|minute|hour|day|week)s?")


class Sql(Spec):
    """A query whose rows land, and how to find those that are new."""

    url: str = Field(json_schema_extra={**SECRET})
    """`env:NAME`: the environment variable that holds the database's address, such as
    `postgresql://USER:PASSWORD@HOST/DATABASE` or `sqlite:////path/to/file.db`. An address itself is
    refused, since it may hold a password."""
    query: str
    """A SELECT that gives all rows; it is read as a subquery, so with any WITH and WHERE."""
    watermark: str | None = None
    """A column of the query that grows with each change of a row: the time of the change, or a
    number. A pull reads the batches of rows from the last one's largest value on. Without it, each
    pull reads everything."""
    overlap: int | str | None = None
    """How far before the last largest value a pull looks again, for rows whose transaction ended
    late: `1 hour` (the default for times), `2 days`, or a number (default 1000) for a watermark of
    numbers."""
    batch: str | None = None
    """How the rows are cut into batches: `month of at` (year, quarter, month, week, day or hour),
    or a column whose values are the batches' names. Without it the rows are one snapshot."""
    every: str = "10 minutes"
    """How long after the end of a pull the sensor starts the next."""

    @field_validator("query")
    @classmethod
    def _is_said(cls, value: str) -> str:
        text = value.strip().removesuffix(";").strip()
        if not text:
            raise ValueError("is empty, wanted a SELECT")
        return text

    @field_validator("every", "overlap")
    @classmethod
    def _is_a_length(cls, value: int | str | None) -> int | str | None:
        if isinstance(value, int) and value < 0:
            raise ValueError(f"got {value}, wanted 0 or more")
        if isinstance(value, str):
            length(value)
        return value

    @field_validator("batch")
    @classmethod
    def _says_a_cut(cls, value: str | None) -> str | None:
        if value is not None:
            cut_of(value)
        return value

    @model_validator(mode="after")
    def _fits(self) -> Sql:
        if not VARIABLE.fullmatch(self.url):
            # Not as the error of a field, which shows what was given: it may hold a password.
            said = (
                "wanted env:NAME, the environment variable that holds the database's address "
                "(such as env:SHOP_DB); an address itself is refused, since it may hold a password"
            )
            raise Mistakes([(("url",), said)])
        if self.watermark is not None and self.batch is None:
            said = "finds the batches that changed, and there are none; add batch, or remove it"
            raise Mistakes([(("watermark",), said)])
        return self

    @property
    def variable(self) -> str:
        """The environment variable that holds the address."""
        return self.url.partition(":")[2]


def length(text: str) -> timedelta:
    """Return a length of time; ValueError for what is none.

    >>> length("90 minutes")
    datetime.timedelta(seconds=5400)
    """
    match = LENGTH.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"got {text!r}, wanted a length such as 10 minutes, 1 hour or 2 days")
    return timedelta(**{f"{match[2]}s": int(match[1])})
