"""Selections: every form, what binds tighter, and what is said when one is wrong."""

from __future__ import annotations

import pytest

from ml_assets.engine.selection import select
from ml_assets.errors import SelectionError
from ml_assets.spec.project import Project

KINDS = ("raw", "cleaned", "quarantine", "quality_report")
SALES = [f"sales/{kind}" for kind in KINDS]
PRICES = [f"prices/{kind}" for kind in KINDS]
FOLDS = [f"forecast/{fold}_split" for fold in ("train", "validation", "test")]
CANDIDATE, REPORT = "forecast/candidate", "forecast/evaluation_report"
DECIDED = ["forecast/champion", "forecast/release"]
INPUTS = ["forecast/features", "forecast/predictions"]
FORECAST = [*INPUTS, *FOLDS, CANDIDATE, REPORT, *DECIDED]
ALL = [*PRICES, *SALES, *FORECAST]

FORMS = {
    "*": ALL,
    "": ALL,
    "  ": ALL,
    "sales/cleaned": ["sales/cleaned"],
    " sales/cleaned ": ["sales/cleaned"],
    'key:"sales/cleaned"': ["sales/cleaned"],
    "key:sales/cleaned": ["sales/cleaned"],
    '"sales/cleaned"': ["sales/cleaned"],
    "sales/*": SALES,
    "*/raw": ["prices/raw", "sales/raw"],
    '"*/ra?"': ["prices/raw", "sales/raw"],
    "group:forecast": FORECAST,
    'group:"forecast"': FORECAST,
    "sales/landing": [],
    "sales/landing+1": ["sales/raw"],
    "+sales/cleaned": ["sales/raw", "sales/cleaned"],
    "+forecast/features": [*PRICES[:2], *SALES[:2], "forecast/features"],
    "1+forecast/features": ["prices/cleaned", "sales/cleaned", "forecast/features"],
    "2+forecast/features": [*PRICES[:2], *SALES[:2], "forecast/features"],
    "0+forecast/features": ["forecast/features"],
    "forecast/candidate+": [CANDIDATE, REPORT, *DECIDED],
    "sales/raw+1": SALES,
    "sales/raw+2": [*SALES, "forecast/features"],
    "sales/raw+": [*SALES, *FORECAST],
    "1+sales/cleaned+1": [*SALES[:2], SALES[3], "forecast/features"],
    "+sales/cleaned+": [*SALES[:2], SALES[3], *FORECAST],
    "group:sales+1": [*SALES, "forecast/features"],
    "sales/raw or prices/raw": ["prices/raw", "sales/raw"],
    "*/raw and group:sales": ["sales/raw"],
    "not group:forecast": [*PRICES, *SALES],
    "not not group:forecast": FORECAST,
    "(sales/raw)": ["sales/raw"],
    "((sales/raw or prices/raw)) and group:prices": ["prices/raw"],
    "group:sales AND NOT */raw": SALES[1:],
    "+(sales/cleaned or prices/raw)": ["prices/raw", "sales/raw", "sales/cleaned"],
    "(sales/raw)+1": SALES,
}
PRECEDENCE = [
    ("prices/raw or */raw and group:sales", "prices/raw or (*/raw and group:sales)"),
    ("*/raw and group:sales or prices/raw", "(*/raw and group:sales) or prices/raw"),
    ("not */raw and group:sales", "(not */raw) and group:sales"),
    ("not sales/raw+1", "not (sales/raw+1)"),
    ("not +sales/cleaned or prices/raw", "(not (+sales/cleaned)) or prices/raw"),
    ("*/raw and not group:sales", "*/raw and (not group:sales)"),
]
WRONG = {
    "sales/claened": "no asset 'sales/claened'; did you mean 'sales/cleaned'?",
    "nothing/*": "no asset 'nothing/*'",
    "sales": "'sales' is a dataset, not an asset; write group:sales for its assets",
    "(" * 5000: "nested deeper than 50 levels of ( and not",
    "not " * 5000 + "sales/raw": "nested deeper than 50 levels of ( and not",
    "9" * 5000 + "+sales/raw": "no asset '999",
    "group:forecats": "no group 'forecats'; did you mean 'forecast'?",
    "sales/raw prices/raw": "unexpected 'prices/raw'",
    "sales/raw and": "a term is missing",
    "or sales/raw": "unexpected 'or'",
    "not": "a term is missing",
    "+": "a term is missing",
    "sales/raw + prices/raw": "unexpected 'prices/raw'",
    "sales/raw+1+": "unexpected '+'",
    "1+2+sales/raw": "unexpected '2+'",
    "(sales/raw": "a ) is missing",
    "sales/raw)": "unexpected ')'",
    "()": "unexpected ')'",
    "sales/raw & prices/raw": "cannot read ' & prices/raw'",
    "owner:me": "cannot read ':me'",
}


@pytest.mark.parametrize("text", FORMS)
def test_every_form(project: Project, text: str) -> None:
    assert select(project, text) == FORMS[text]


def test_no_selection_is_everything(project: Project) -> None:
    assert select(project, None) == ALL


@pytest.mark.parametrize(("text", "meant"), PRECEDENCE)
def test_precedence(project: Project, text: str, meant: str) -> None:
    assert select(project, text) == select(project, meant)


@pytest.mark.parametrize("text", WRONG)
def test_errors_say_what_and_where(project: Project, text: str) -> None:
    with pytest.raises(SelectionError) as caught:
        select(project, text)
    assert WRONG[text] in str(caught.value)
