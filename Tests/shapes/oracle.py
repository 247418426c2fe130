"""What is sent of a log, and what is not, as the manual has it (navette.yaml(5), streams and SHAPES): from that text and from what is known
of Campaign's logs, and never from the program."""

import re
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import times
from reader import MARK, by_csv, records

FUTURE = timedelta(minutes=5)

# The presets, by the expressions of a workflow and the names in the database.
NAMES = {
    "broadlog": {
        "id": ["@id", "iBroadLogId"], "delivery": ["[@delivery-id]", "iDeliveryId"], "recipient": ["[@recipient-id]", "iRecipientId"],
        "message": ["[delivery/@messageType]", "iMessageType"], "status": ["@status", "iStatus"],
        "failure": ["[msg/@failureType]", "iFailureType"], "reason": ["[msg/@failureReason]", "iFailureReason"],
        "time": ["@eventDate", "tsEvent"]},
    "tracking": {
        "id": ["@id", "iTrackingLogId"], "broadlog": ["[@broadLog-id]", "iBroadLogId"], "delivery": ["[@delivery-id]", "iDeliveryId"],
        "recipient": ["[@recipient-id]", "iRecipientId"], "message": ["[delivery/@messageType]", "iMessageType"],
        "type": ["[url/@type]", "iUrlType"], "url": ["[@url-id]", "iUrlId"], "time": ["@logDate", "tsLog"]}}
MAIL = "directMarketing.email"
PRESETS = {
    "broadlog": {
        "_id": ("text", ["{instance}:bl:{", "id", "}:{columns.eventType}"]),
        "eventType": ("map", ["message", "status", "failure"],
                      {"0,1,*": MAIL + "Sent", "0,2,2": MAIL + "Bounced", "0,2,1": MAIL + "BouncedSoft"}, ["0,0,*", "0,6,*", "0,7,*"]),
        "timestamp": ("time", "time"), "broadlogID": "id", "deliveryID": "delivery", "recipientID": "recipient", "status": "status",
        "reason": "reason"},
    "tracking": {
        "_id": ("text", ["{instance}:tl:{", "id", "}"]),
        "eventType": ("map", ["message", "type"],
                      {"0,1": MAIL + "Clicked", "0,2": MAIL + "Opened", "0,3": MAIL + "Unsubscribed", "0,11": MAIL + "Clicked"},
                      ["0,4", "0,5", "0,6"]),
        "timestamp": ("time", "time"), "trackinglogID": "id", "broadlogID": "broadlog", "deliveryID": "delivery",
        "recipientID": "recipient", "url": "url"}}
# Channels other than e-mail.
OTHERS = ["1", "2", "3", "4", "40", "120"]


class Waits(Exception):
    """Nothing is sent of the log."""


@dataclass
class Part:
    """What is sent under one header."""
    header: list
    rows: list = field(default_factory=list)


@dataclass
class Verdict:
    parts: list = field(default_factory=list)
    # By the byte at which it begins in the log: the codes of which one is told, and the row as it was.
    aside: dict = field(default_factory=dict)
    skipped: int = 0
    waits: bool = False
    # The oracle and Python's csv module read different cells.
    differs: bool = False


class Skipped(Exception):
    """A row that is not sent, which is well."""


# Columns of a shape: each is a function of a row.

def columns_of(stream, header):
    """Names and what each is made of, in order; Waits where one cannot be made."""
    shape = stream.shape
    index = {}
    for number, name in enumerate(header):
        index.setdefault(name, number)
    made = {}
    if "preset" in shape:
        made.update(preset_columns(shape, index))
    for name, entry in shape["columns"].items():
        if entry is None:
            made.pop(name, None)
        elif isinstance(entry, dict) and "from" not in entry and "value" not in entry:
            made[name] = {**made[name], **entry}
        else:
            made[name] = entry
    kept = {}
    for number, (name, entry) in enumerate(made.items()):
        missing = [one for one in sources(entry) if one not in index]
        if missing:
            is_optional = "preset" in shape and name not in ("_id", "eventType", "timestamp") and name not in shape["columns"]
            if is_optional:
                continue
            raise Waits
        kept[name] = entry
    return kept, index


def preset_columns(shape, index):
    known = NAMES[shape["preset"]]
    what = {key: next((name for name in names if name in index), names[0]) for key, names in known.items()}
    out = {}
    for name, entry in PRESETS[shape["preset"]].items():
        if isinstance(entry, str):
            out[name] = what[entry]
        elif entry[0] == "text":
            out[name] = "".join(what.get(piece, piece) for piece in entry[1])
        elif entry[0] == "time":
            out[name] = {"from": what[entry[1]], "format": "yyyy/MM/dd HH:mm:ss"}
        else:
            width = len(entry[1])
            skip = entry[3] + [",".join([one] + ["*"] * (width - 1)) for one in OTHERS]
            out[name] = {"from": [what[one] for one in entry[1]], "map": entry[2], "skip": skip, "else": "aside"}
    return out


TEXT = re.compile(r"\{\{|\{([^{}]*)\}")


def sources(entry):
    if isinstance(entry, str):
        if "{" not in entry:
            return [entry]
        return [one[1] for one in TEXT.finditer(entry) if one[1] and one[1] != "instance" and not one[1].startswith("columns.")]
    if "from" in entry:
        return [entry["from"]] if isinstance(entry["from"], str) else entry["from"]
    return []


class Shape:
    def __init__(self, stream, header):
        self.stream = stream
        self.entries, self.index = columns_of(stream, header)
        self.names = list(self.entries)

    def row(self, cells):
        """The values, the codes of what is wrong, and whether the row is skipped."""
        self.cells, self.values, self.codes = cells, {}, set()
        self.is_skipped = self.is_empty_id = False
        values = [self.value(name) for name in self.names]
        if self.is_empty_id:
            self.codes.add("missing_value")
        return values, self.codes, self.is_skipped

    def value(self, name):
        if name not in self.values:
            self.values[name] = self.make(name, self.entries[name])
        return self.values[name]

    def source(self, name):
        return self.cells[self.index[name]]

    def make(self, name, entry):
        if isinstance(entry, str):
            return self.text(name, entry) if "{" in entry else self.plain(name, entry)
        if "value" in entry:
            return entry["value"]
        if "map" in entry:
            return self.mapped(entry)
        try:
            return times.write(
                times.read(self.source(entry["from"]), entry["format"], entry.get("zone"), entry.get("ambiguous", "aside")),
                entry.get("decimals", 0))
        except times.Refused as refused:
            self.codes.add(refused.code)
            return ""

    def plain(self, name, entry):
        value = self.source(entry)
        self.is_empty_id = self.is_empty_id or name == "_id" and not value
        return value

    def text(self, name, entry):
        def piece(found):
            inside = found[1]
            if inside is None:
                return "{"
            if inside == "instance":
                return self.stream.shape["instance"]
            value = self.value(inside.removeprefix("columns.")) if inside.startswith("columns.") else self.source(inside)
            self.is_empty_id = self.is_empty_id or name == "_id" and not value
            return value
        return TEXT.sub(piece, entry)

    def mapped(self, entry):
        names = [entry["from"]] if isinstance(entry["from"], str) else entry["from"]
        values = [self.source(name) for name in names]
        keys = [(key, value) for key, value in entry["map"].items()] + [(key, Skipped) for key in entry.get("skip", [])]
        fits = [(key.count("*"), number, value) for number, (key, value) in enumerate(keys) if fit(key, values)]
        found = min(fits)[2] if fits else None
        if found is Skipped or found is None and entry.get("else", "aside") == "skip":
            self.is_skipped = True
            return ""
        if found is None:
            if entry.get("else", "aside") == "aside":
                self.codes.add("unknown_value")
                return ""
            return entry["else"]
        return found


def fit(key, values):
    parts = key.split(",") if len(values) > 1 else [key]
    return len(parts) == len(values) and all(part in ("*", value) for part, value in zip(parts, values))


# Logs

class Ids:
    """The ids that are remembered over all logs of a stream."""

    def __init__(self, window):
        self.window, self.order, self.all = window, deque(), set()

    def add(self, one):
        if not self.window:
            return True
        if one in self.all:
            return False
        self.order.append(one)
        self.all.add(one)
        if len(self.order) > self.window:
            self.all.discard(self.order.popleft())
        return True


def judge(log, ids, now=None):
    stream = log.stream
    now = now or datetime.now(timezone.utc)
    verdict = Verdict()
    found = records(log.data, log.delimiter, log.escape)
    if log.is_conventional:
        text = log.data.removeprefix(MARK).decode()
        cells = by_csv(text, log.delimiter.decode(), log.escape.decode() if log.escape else None)
        verdict.differs = cells != [[cell.decode() for cell in one.cells] for one in found]
    if not found:
        return verdict
    header = None
    for record in found:
        if record.is_blank and header is not None and len(header) > 1:
            # An empty line is no row.
            continue
        names = [cell.decode("utf-8", "surrogateescape") for cell in record.cells]
        if header is None or is_header(names, header):
            if names != header:
                header = names
                try:
                    maker = Shape(stream, header) if stream.shape else None
                except Waits:
                    verdict.waits = True
                    return verdict
                sent = maker.names if maker else sent_names(stream, header)
                part = Part(sent)
                verdict.parts.append(part)
            continue
        judge_row(stream, record, names, header, maker, part, ids, verdict, now)
    verdict.parts = [one for one in verdict.parts if one.rows]
    return verdict


def is_header(cells, header):
    """The same again, or another one: names that are known, and no value."""
    known = set(header)
    return cells == header or len([1 for one in cells if one in known]) * 2 > max(len(cells), len(header))


def judge_row(stream, record, cells, header, maker, part, ids, verdict, now):
    codes, values, is_skipped = set(), cells, False
    if record.is_open:
        codes.add("unclosed_quote")
    elif len(cells) != len(header):
        # A shape cannot be made of them, whatever is checked. Where no reading of a quote behind a backslash fits, that may be told.
        if stream.checks or maker:
            codes |= {"column_count", "open_quote"} if b'\\"' in record.raw else {"column_count"}
    if stream.checks:
        if b"\0" in record.raw:
            codes.add("nul_byte")
        if not is_text(record.raw):
            codes.add("bad_encoding")
    if not codes & {"unclosed_quote", "column_count"} and maker:
        values, more, is_skipped = maker.row(cells)
        codes |= more
    values = [replaced(value, stream.rows.get("replace", {})) for value in values]
    if stream.checks and not is_skipped:
        codes |= sent_faults(stream, part.header, values, now, codes)
    if is_skipped:
        verdict.skipped += 1
    elif codes:
        verdict.aside[record.start] = (codes, record.raw)
    else:
        at = part.header.index(stream.rows.get("id", "_id")) if stream.checks and stream.rows.get("id", "_id") in part.header else None
        if at is not None and values[at] and not ids.add(values[at]):
            verdict.aside[record.start] = ({"duplicate_key"}, record.raw)
        else:
            part.rows.append(values)


def sent_faults(stream, header, values, now, codes):
    found = set()
    if written_size(values) > stream.rows.get("max_bytes", 10_000):
        found.add("row_too_long")
    name = stream.rows.get("id", "_id")
    if name in header and not codes and not values[header.index(name)]:
        found.add("missing_value")
    name = stream.rows.get("timestamp", "timestamp")
    if name in header and not codes:
        at = header.index(name)
        value = values[at] if at < len(values) else ""
        instant = times.read_sent(value)
        if instant is None:
            found.add("bad_time")
        elif instant > now + FUTURE:
            found.add("future_time")
    return found


def written_size(values):
    """A row as it is sent, quoted where a value needs it, without its line end."""
    def size(value):
        length = len(value.encode("utf-8", "surrogateescape"))
        return length + 2 + value.count('"') if any(char in value for char in ',"\r\n') else length
    return sum(map(size, values)) + len(values) - 1


def is_text(raw):
    try:
        raw.decode()
        return True
    except UnicodeDecodeError:
        return False


def replaced(value, rules):
    if "line_break" in rules:
        value = re.sub("\r\n|\r|\n", lambda _: rules["line_break"], value)
    if "backslash" in rules:
        value = value.replace("\\", rules["backslash"])
    return value


def sent_names(stream, header):
    """Without a shape: new names for some of the columns, and what is no letter, digit or underscore made one."""
    names = [stream.header.get("rename", {}).get(name, name) for name in header]
    if stream.header.get("sanitize", stream.for_aep):
        # What had a name given by rename keeps it.
        names = [name if old in stream.header.get("rename", {}) else re.sub(r"[^A-Za-z0-9_]+", "_", re.sub(r"^[^A-Za-z0-9_]+|[^A-Za-z0-9_]+$", "", name))
                 for old, name in zip(header, names)]
    return names
