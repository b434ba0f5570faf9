"""What a column's name hints at: an id, a code, a count, a unit, personal data.

Belongs here: words of names. Does not belong here: values.
"""

from __future__ import annotations

import re

ID = frozenset(
    [
        "id",
        "ids",
        "uuid",
        "guid",
        "identifier",
        "pk",
        "rowid",
        "isbn",
        "issn",
        "ean",
        "sku",
        "imei",
        "serial",
        "objectid",
    ]
)
KEY = frozenset(["key", "no", "nr", "num", "number", "index", "idx", "ref", "reference"])
"""Words that name an id if the values are one for each row."""
CODE = frozenset(
    [
        "code",
        "codes",
        "zip",
        "zipcode",
        "postcode",
        "postal",
        "plz",
        "type",
        "class",
        "category",
        "cat",
        "group",
        "zone",
        "region",
        "district",
        "ward",
        "precinct",
        "status",
        "flag",
        "level",
        "grade",
        "gender",
        "sex",
        "state",
        "month",
        "quarter",
        "weekday",
        "dow",
        "cluster",
        "label",
        "target",
        "binary",
        "stage",
        "rank",
        "rating",
        "tier",
        "bin",
        "segment",
        "race",
        "religion",
        "language",
        "lang",
        "color",
        "colour",
        "edition",
        "version",
        "season",
        "week",
        "hour",
        "mode",
        "kind",
        "method",
    ]
)
"""Words that name a code: its numbers are names, not amounts."""
NUMBERED = frozenset(["code", "codes", "no", "nr", "district", "precinct", "block"])
"""Last words of names of codes, however many there are."""
YEAR = frozenset(["year", "yr", "years", "jahr"])
AMOUNT = frozenset(
    [
        "count",
        "cnt",
        "total",
        "sum",
        "amount",
        "amt",
        "qty",
        "quantity",
        "avg",
        "average",
        "mean",
        "median",
        "min",
        "max",
        "std",
        "var",
        "pct",
        "percent",
        "percentage",
        "rate",
        "ratio",
        "score",
        "size",
        "length",
        "width",
        "height",
        "weight",
        "duration",
        "distance",
        "area",
        "population",
        "pop",
        "price",
        "cost",
        "fee",
        "salary",
        "income",
        "revenue",
        "sales",
        "profit",
        "budget",
        "age",
        "years",
        "days",
        "hours",
        "minutes",
        "seconds",
        "value",
        "val",
        "temperature",
        "temp",
        "speed",
        "pressure",
        "humidity",
        "depth",
        "volume",
        "latitude",
        "longitude",
        "lat",
        "lon",
        "lng",
        "points",
        "votes",
        "views",
        "likes",
        "number",
        "num",
        "no",
        "density",
        "frequency",
        "freq",
    ]
)
TIME = frozenset(
    [
        "date",
        "time",
        "datetime",
        "timestamp",
        "day",
        "dt",
        "created",
        "updated",
        "modified",
        "at",
        "dob",
        "birthday",
        "birthdate",
        "since",
        "until",
        "start",
        "end",
        "begin",
        "finished",
    ]
)
PHONE = frozenset(
    ["phone", "telephone", "tel", "mobile", "fax", "cell", "cellphone", "handy", "telefon"]
)
POST = frozenset(
    ["zip", "zipcode", "postcode", "postal", "plz", "postleitzahl", "cap", "cep", "eircode"]
)
LATITUDE = frozenset(["lat", "latitude"])
LONGITUDE = frozenset(["lon", "lng", "long", "longitude"])
PERSONAL = {
    frozenset(["email", "mail", "emailaddress"]): "an e-mail address, by its name",
    PHONE: "a phone number, by its name",
    POST: "a postcode, by its name",
    frozenset(
        ["firstname", "lastname", "surname", "forename", "fullname", "vorname", "nachname"]
    ): ("a person's name, by its name"),
    frozenset(["address", "street", "strasse", "addr", "adresse"]): "an address, by its name",
    frozenset(["iban", "bic", "creditcard", "cardnumber", "passport", "ssn", "nin", "taxid"]): (
        "a number of a person's account or document, by its name"
    ),
    frozenset(["dob", "birthdate", "birthday", "birthdate", "geburtsdatum"]): (
        "a date of birth, by its name"
    ),
    frozenset(["ip", "ipaddress"]): "an address of a computer, by its name",
}
PEOPLE = frozenset(
    ["customer", "client", "patient", "person", "employee", "user", "contact", "owner", "passenger"]
)
UNITS = {
    "kg": "kg", "lb": "lb", "lbs": "lb", "km": "km", "mi": "mi", "miles": "mi", "cm": "cm",
    "mm": "mm", "ft": "ft", "mph": "mph", "kmh": "km/h", "usd": "USD", "eur": "EUR", "gbp": "GBP",
    "sec": "s", "seconds": "s", "secs": "s", "mins": "min", "minutes": "min", "hours": "h",
    "hrs": "h", "days": "d", "celsius": "degC", "fahrenheit": "degF", "pct": "%", "percent": "%",
    "percentage": "%", "mbar": "mbar", "hpa": "hPa", "kwh": "kWh", "liters": "l", "litres": "l",
    "temperaturef": "degF", "mg": "mg", "ms": "ms",
}  # fmt: skip


def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case.

    >>> words("customerID"), words("Wind SpeedMPH"), words("q2_zip-code7")
    (('customer', 'id'), ('wind', 'speed', 'mph'), ('q', 'zip', 'code'))
    """
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+", name)
    return tuple(part.lower() for part in parts)


def has(name: str, hints: frozenset[str]) -> bool:
    """Return whether one of a name's words, or all of them joined, is one of `hints`."""
    tokens = words(name)
    return bool(hints & {*tokens, "".join(tokens)})


def ends(name: str, hints: frozenset[str]) -> bool:
    """Return whether the last of a name's words is one of `hints`."""
    tokens = words(name)
    return bool(tokens) and (tokens[-1] in hints or "".join(tokens) in hints)


def unit(name: str) -> str | None:
    """Return the unit that a name hints at: its last word, or what is in brackets.

    >>> unit("height_cm"), unit("VPact (mbar)"), unit("TemperatureF"), unit("name")
    ('cm', 'mbar', 'degF', None)
    """
    bracket = re.search(r"[(\[]([^)\]]{1,12})[)\]]\s*$", name)
    if bracket:
        return UNITS.get(bracket[1].lower(), bracket[1])
    tokens = words(name)
    if len(tokens) > 1 and tokens[-1] == "f" and tokens[-2] in ("temperature", "point", "temp"):
        return "degF"
    return UNITS.get(tokens[-1]) if tokens else None


def personal(name: str) -> str | None:
    """Return why a column of this name is likely to be personal data, or None."""
    for hints, why in PERSONAL.items():
        if has(name, hints):
            return why
    tokens = set(words(name))
    pairs = ({"first", "name"}, {"last", "name"}, {"full", "name"}, {"family", "name"})
    if any(pair <= tokens for pair in pairs) or ("name" in tokens and PEOPLE & tokens):
        return "a person's name, by its name"
    if {"birth", "date"} <= tokens:
        return "a date of birth, by its name"
    if "card" in tokens and "number" in tokens:
        return "a number of a person's account or document, by its name"
    return None
