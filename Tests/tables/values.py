"""Values of the types of `require.types`, and what is wrong with a row by the rules of a feed: from the manual alone."""

import datetime
import re
from decimal import Decimal

CODE = "[A-Z]{3}-[0-9]{4}"
# Of each type what is plainly good, and what is plainly bad.
VALUES = {
    "integer": (["0", "7", "-12", "+5", "0042", "12345678901234567890"], ["1.5", "x", "1 2", "12a", "--1"]),
    "number": (["1", "-1.25", "0.5", "120"], ["1,5", "x", "1.2.3", "1.5 "]),
    "date": (["2026-03-12", "2024-02-29", "1999-12-31"], ["2026-02-30", "12.03.2026", "2026-3-1", "2026-13-01", "2025-02-29"]),
    "datetime": (["2026-03-12T06:00:00+01:00", "2024-02-29T23:59:59Z"], ["2026-03-12", "2026-03-12T25:00:00Z", "noon"]),
    "email": (["a.b@example.org", "x@mail.example.com"], ["a@b", "é@example.org", "a b@example.org", "@example.org", "a@", "a"]),
    "boolean": (["true", "false", "1", "0"], ["yes", "2", "tru"]),
    CODE: (["ABC-0001", "XYZ-9999"], ["abc-0001", "ABC-00011", " ABC-0001", "AB-0001", "ABC-0001\n"]),
}


def is_of(kind, text):
    if kind == "integer":
        return re.fullmatch("[+-]?[0-9]+", text) is not None
    if kind == "number":
        return re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text) is not None
    if kind == "boolean":
        return text in ("true", "false", "1", "0")
    if kind == "email":
        return text.isascii() and re.fullmatch(r"[^@\s]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", text) is not None
    try:
        if kind == "date":
            return re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is not None and datetime.date.fromisoformat(text) is not None
        if kind == "datetime":
            has_form = re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(Z|[+-][0-9]{2}:[0-9]{2})", text)
            return has_form is not None and datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) is not None
    except ValueError:
        return False
    return re.fullmatch(kind, text) is not None


def faults(feed, value):
    """What the rules for values find in one row; `value` gives the text of a column, empty where there is none."""
    found = {"bad_type" for name, kind in feed.types.items() if value(name) and not is_of(kind, value(name))}
    found |= {"missing_value" for name in feed.not_null if not value(name)}
    return found | {"value_too_long" for name, most in feed.length.items() if len(value(name)) > most}


def duplicates(feed, rows):
    """The places of the rows that share a key with another one, without the one that counts as good; rows that are bad have none."""
    groups = {}
    for place, row in enumerate(rows):
        key = () if row.codes else tuple(row.value(name) for name in feed.unique)
        if any(key):
            groups.setdefault(key, []).append(place)
    found = set()
    for places in groups.values():
        if len(places) > 1:
            left = {"none": places, "first": places[1:], "last": places[:-1]}[feed.keep if feed.at_most else "none"]
            found |= set(left)
    return found


def is_too_many(at_most, bad, count):
    if bad == count:
        return True
    if at_most.endswith("%"):
        return Decimal(bad) * 100 > Decimal(at_most[:-1]) * count
    return bad > int(at_most)
