"""Times as the manual has them (navette.yaml(5), SHAPES), by datetime and zoneinfo alone."""

import re
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

# How each letter is read; M, d and H take one digit as well.
LETTERS = {"yyyy": r"(?P<y>[0-9]{4})", "MM": r"(?P<mo>[0-9]{2})", "M": r"(?P<mo>[0-9]{1,2})", "dd": r"(?P<d>[0-9]{2})",
           "d": r"(?P<d>[0-9]{1,2})", "HH": r"(?P<h>[0-9]{2})", "H": r"(?P<h>[0-9]{1,2})", "mm": r"(?P<mi>[0-9]{2})",
           "ss": r"(?P<s>[0-9]{2})", "SSS": r"(?P<f>[0-9]{3})", "SSSSSS": r"(?P<f>[0-9]{6})", "XXX": r"(?P<o>Z|[+-][0-9]{2}:[0-9]{2})"}


class Refused(Exception):
    """A time that is not sent: its code."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


def pattern(form):
    out, rest = "", form
    while rest:
        if rest[0] == "'":
            text, _, rest = rest[1:].partition("'")
            out += re.escape(text or "'")
            continue
        letters = re.match(r"([A-Za-z])\1*", rest)
        if letters:
            out += LETTERS[letters[0]]
            rest = rest[letters.end():]
            continue
        out += re.escape(rest[0])
        rest = rest[1:]
    return re.compile(out)


def read(text, form, zone=None, ambiguous="aside"):
    """The instant, with microseconds cut to what stands there."""
    found = pattern(form).fullmatch(text)
    if not found:
        raise Refused("bad_time")
    part = found.groupdict()
    number = {key: int(part.get(key) or default) for key, default in dict(y=1970, mo=1, d=1, h=0, mi=0, s=0).items()}
    fraction = int(((part.get("f") or "0") + "000000")[:6])
    try:
        local = datetime(number["y"], number["mo"], number["d"], number["h"], number["mi"], number["s"], fraction)
    except ValueError:
        raise Refused("bad_time") from None
    offset = part.get("o")
    if offset:
        minutes = 0 if offset == "Z" else int(offset[0] + "1") * (int(offset[1:3]) * 60 + int(offset[4:6]))
        return (local - timedelta(minutes=minutes)).replace(tzinfo=timezone.utc)
    return instant(local, ZoneInfo(zone), ambiguous)


def instant(local, zone, ambiguous):
    """What an instant reads as in its zone has to be the time that was written."""
    fits = []
    for fold in (0, 1):
        at = local.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc)
        if at.astimezone(zone).replace(tzinfo=None) == local and at not in fits:
            fits.append(at)
    if not fits:
        raise Refused("no_such_time")
    if len(fits) == 2:
        if ambiguous == "aside":
            raise Refused("ambiguous_time")
        return min(fits) if ambiguous == "earlier" else max(fits)
    return fits[0]


def write(at, decimals=0):
    text = at.strftime("%Y-%m-%dT%H:%M:%S").zfill(19)
    return text + (f".{at.microsecond // 1000:03}" if decimals else "") + "Z"


def read_sent(text):
    """A column rows.timestamp: ISO 8601, or seconds or milliseconds since 1970. None where it cannot be read."""
    if re.fullmatch(r"[0-9]{1,10}", text):
        return datetime.fromtimestamp(int(text), timezone.utc)
    if re.fullmatch(r"[0-9]{13}", text):
        return datetime.fromtimestamp(int(text) / 1000, timezone.utc)
    found = re.fullmatch(
        r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,]([0-9]+))?(Z|[+-][0-9]{2}:?[0-9]{2})?)?", text)
    if not found:
        return None
    day, clock, fraction, offset = found.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock or '00:00'}")
    except ValueError:
        return None
    at += timedelta(microseconds=int(((fraction or "0") + "000000")[:6]))
    if offset and offset != "Z":
        digits = offset[1:].replace(":", "")
        at -= int(offset[0] + "1") * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return at.replace(tzinfo=timezone.utc)
