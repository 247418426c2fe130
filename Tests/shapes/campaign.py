"""Streams, and logs for them as a Campaign workflow extracts them: names, values, dialects and faults, all from one seed. Every value is
made up."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ZONES = ["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
CAMPAIGN = "yyyy/MM/dd HH:mm:ss"
WORDS = ["amber", "birch", "cedar", "dune", "ember", "fjord", "glade", "heath", "islet", "knoll", "ledge", "marsh"]
FAR = ["é", "€", "ß", "日本", "😀", "a\u0301", "\u2028", "\u00a0", "'", "=", "null", "#", "/", "  "]

# What a column is, as an expression of a workflow and as a name in the database.
BROADLOG = {
    "id": ("@id", "iBroadLogId"), "delivery": ("[@delivery-id]", "iDeliveryId"), "recipient": ("[@recipient-id]", "iRecipientId"),
    "message": ("[delivery/@messageType]", "iMessageType"), "status": ("@status", "iStatus"),
    "failure": ("[msg/@failureType]", "iFailureType"), "reason": ("[msg/@failureReason]", "iFailureReason"),
    "time": ("@eventDate", "tsEvent"), "modified": ("@lastModified", "tsLastModified"), "crm": ("[recipient/@crmId]", "sCrmId"),
    "label": ("[delivery/@label]", "sLabel")}
TRACKING = {
    "id": ("@id", "iTrackingLogId"), "broadlog": ("[@broadLog-id]", "iBroadLogId"), "delivery": ("[@delivery-id]", "iDeliveryId"),
    "recipient": ("[@recipient-id]", "iRecipientId"), "message": ("[delivery/@messageType]", "iMessageType"),
    "type": ("[url/@type]", "iUrlType"), "url": ("[@url-id]", "iUrlId"), "time": ("@logDate", "tsLog"),
    "agent": ("[@userAgent-id]", "iUserAgent"), "crm": ("[recipient/@crmId]", "sCrmId"), "label": ("[url/@label]", "sLabel")}
TITLES = {
    "id": "Primary key", "delivery": "Delivery", "recipient": "Recipient (link)", "message": "Channel", "status": "Status",
    "failure": "Failure type", "reason": "Grund des Fehlers", "time": "Date d'événement", "modified": "Last modified", "crm": "CRM, id",
    "label": "Label", "broadlog": "Delivery log", "type": "Type d'URL", "url": "URL", "agent": "User agent"}
# Without these a preset waits.
NEEDED = {"broadlog": ["id", "message", "status", "failure", "time"], "tracking": ["id", "message", "type", "time"]}


@dataclass
class Stream:
    name: str
    kind: str
    rotation: str = "closed"
    # What the columns of its logs are, in their order: (what it is, its name).
    columns: list = field(default_factory=list)
    # As in the configuration; None where it has none.
    shape: dict | None = None
    header: dict = field(default_factory=dict)
    rows: dict = field(default_factory=dict)
    for_aep: bool = False
    # How the times of its logs are written.
    form: str = CAMPAIGN
    zone: str = "UTC"
    max_rows: int = 0

    @property
    def checks(self):
        return self.rows.get("check", "auto") == "on" or self.for_aep and self.rows.get("check", "auto") == "auto"


@dataclass
class Log:
    stream: Stream
    name: str
    data: bytes
    escape: bytes | None
    delimiter: bytes
    # For the table at the end.
    fault: str
    # Written as any writer would: Python's csv module reads the same grammar.
    is_conventional: bool


# Streams

def make_stream(seed, number):
    chance = random.Random(f"{seed} stream {number}")
    kind = ["broadlog", "tracking", "own", "plain"][number % 4]
    stream = Stream(f"s{number:03}", kind)
    if number % 8 >= 6 or chance.random() < 0.1:
        stream.rotation = "follow"
    stream.for_aep = chance.random() < 0.3
    stream.zone = chance.choice(ZONES)
    columns = TRACKING if kind == "tracking" or kind in ("own", "plain") and chance.random() < 0.5 else BROADLOG
    style = chance.choice(["xpath", "xpath", "sql", "titles"])
    name_of = {what: TITLES[what] if style == "titles" else names[style == "sql"] for what, names in columns.items()}
    keep = list(columns)
    for what in chance.sample(keep, chance.randint(0, 3)):
        if what not in NEEDED.get(kind, ["id", "time"]):
            keep.remove(what)
    if chance.random() < 0.5:
        chance.shuffle(keep)
    stream.columns = [(what, name_of[what]) for what in keep]
    if chance.random() < 0.2:
        stream.columns.append(("word", "operator_note"))
    if kind in ("broadlog", "tracking"):
        stream.shape = preset_shape(stream, chance, style, name_of)
    elif kind == "own":
        stream.shape = own_shape(stream, chance)
    else:
        plain_header(stream, chance)
    rows_settings(stream, chance)
    return stream


def rows_settings(stream, chance):
    if chance.random() < 0.6:
        stream.rows["check"] = chance.choice(["on", "on", "auto", "off"])
    if chance.random() < 0.2:
        stream.rows["max_bytes"] = chance.choice([300, 2000, 20000])
    if chance.random() < 0.2:
        stream.rows["id_window"] = chance.choice([0, 5, 1000])
    if chance.random() < 0.25:
        stream.rows["replace"] = {one: chance.choice(["", " ", "/", "-"]) for one in ("backslash", "line_break") if chance.random() < 0.8}
    if stream.kind in ("own", "plain"):
        # Without a shape the columns are called as the log calls them.
        sent = list(stream.shape["columns"]) if stream.shape else [name for _, name in stream.columns]
        first = [name for what, name in stream.columns if what == "id"][0]
        if chance.random() < 0.5:
            stream.rows["id"] = chance.choice(["", "_id", first if not stream.shape else sent[0]])
        if chance.random() < 0.3:
            stream.rows["timestamp"] = chance.choice(["", "timestamp"])
    if chance.random() < 0.15:
        stream.max_rows = chance.choice([1, 7, 50])


def plain_header(stream, chance):
    """No shape: times stand in the log as AEP reads them."""
    stream.form = chance.choice(["yyyy-MM-dd'T'HH:mm:ssXXX", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"])
    names = [name for _, name in stream.columns]
    if chance.random() < 0.5:
        stream.header["sanitize"] = chance.random() < 0.5
    if chance.random() < 0.6:
        rename = {name: new for name, new in zip(chance.sample(names, 2), ["renamed_1", "_second"])}
        what = dict(stream.columns)
        if chance.random() < 0.7:
            rename[what["time"]] = "timestamp"
        if chance.random() < 0.7:
            rename[what["id"]] = "_id"
        stream.header["rename"] = rename


def preset_shape(stream, chance, style, name_of):
    columns = {}
    time = {}
    stream.form = CAMPAIGN
    if chance.random() < 0.3:
        time["format"] = stream.form = chance.choice(FORMATS)
    if "XXX" not in stream.form:
        time["zone"] = stream.zone
    if chance.random() < 0.4:
        time["ambiguous"] = chance.choice(["earlier", "later", "aside"])
    if chance.random() < 0.3:
        time["decimals"] = 3
    have = dict(stream.columns)
    if style == "titles":
        time["from"] = name_of["time"]
        time.setdefault("format", stream.form)
        columns.update(titled(stream.kind, have))
    columns["timestamp"] = time
    if style != "titles" and chance.random() < 0.25:
        columns[chance.choice(["deliveryID", "recipientID"])] = None
    if "crm" in have and chance.random() < 0.6:
        columns["crmId"] = have["crm"]
    if chance.random() < 0.3:
        columns["source"] = {"value": chance.choice(["campaign", "a, \"b\"", "{x}"])}
    if "label" in have and chance.random() < 0.3:
        columns["note"] = "{instance}/{" + have["label"] + "}/{columns.timestamp}{{"
    return {"preset": stream.kind, "instance": chance.choice(["acc-prod", "acc.stage_2"]), "columns": columns}


def titled(kind, have):
    """Every column of a preset, from a log with titles of its own."""
    if kind == "broadlog":
        event = {"from": [have["message"], have["status"], have["failure"]],
                 "map": {"0,1,*": "directMarketing.emailSent", "0,2,2": "directMarketing.emailBounced",
                         "0,2,1": "directMarketing.emailBouncedSoft"},
                 "skip": ["0,0,*", "0,6,*", "0,7,*", "1,*,*", "2,*,*", "3,*,*", "40,*,*"], "else": "aside"}
        columns = {"_id": "{instance}:bl:{" + have["id"] + "}:{columns.eventType}", "eventType": event, "broadlogID": have["id"]}
        optional = {"deliveryID": "delivery", "recipientID": "recipient", "status": "status", "reason": "reason"}
    else:
        event = {"from": [have["message"], have["type"]],
                 "map": {"0,1": "directMarketing.emailClicked", "0,2": "directMarketing.emailOpened",
                         "0,3": "directMarketing.emailUnsubscribed", "0,11": "directMarketing.emailClicked"},
                 "skip": ["0,4", "0,5", "0,6", "1,*", "2,*", "3,*", "40,*"], "else": "aside"}
        columns = {"_id": "{instance}:tl:{" + have["id"] + "}", "eventType": event, "trackinglogID": have["id"]}
        optional = {"broadlogID": "broadlog", "deliveryID": "delivery", "recipientID": "recipient", "url": "url"}
    for column, what in optional.items():
        columns[column] = have.get(what)
    return columns


FORMATS = [CAMPAIGN, "yyyy-MM-dd HH:mm:ss", "dd/MM/yyyy HH:mm:ss", "d/M/yyyy H:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.SSS",
           "yyyy-MM-dd'T'HH:mm:ssXXX", "yyyy-MM-dd HH:mm:ss.SSSXXX", "yyyy-MM-dd HH:mm:ss.SSSSSS", "yyyyMMddHHmmss", "dd.MM.yyyy' um 'HH:mm:ss"]


def own_shape(stream, chance):
    stream.form = chance.choice(FORMATS)
    names = dict(stream.columns)
    pool = [name for what, name in stream.columns]
    time = {"from": names["time"], "format": stream.form}
    if "XXX" not in stream.form:
        time["zone"] = stream.zone
    if chance.random() < 0.6:
        time["ambiguous"] = chance.choice(["earlier", "later", "aside"])
    if chance.random() < 0.4:
        time["decimals"] = 3
    columns = [("timestamp", time)] if chance.random() < 0.8 else []
    if chance.random() < 0.8:
        columns.append(("_id", chance.choice(["{instance}:{%s}", "{%s}", "x{{{%s}-{columns.copied}"]) % names["id"]))
    # A text holds columns that are none themselves.
    columns.append(("copied", chance.choice(pool)))
    columns.append(("fixed", {"value": chance.choice(["campaign", "", "a, b", 'q"q', "0"])}))
    for number in range(chance.randint(1, 5)):
        kind = chance.choice(["source", "source", "text", "map", "map", "map"])
        if kind == "source":
            one = chance.choice(pool)
        elif kind == "text":
            one = "".join(chance.choice(["{" + chance.choice(pool) + "}", "{instance}", "{{", "-", ":", " and ", "{columns.copied}", "é"])
                          for _ in range(chance.randint(1, 4))) + "{columns.copied}"
        else:
            one = own_map(stream, chance)
        columns.append((f"col_{number}", one))
    chance.shuffle(columns)
    return {"instance": "acc-prod", "columns": dict(columns)}


# What happened, happened before this.
PAST = datetime(2025, 12, 1, tzinfo=timezone.utc)

# Values that occur in a column, the usual first.
VALUES = {"message": ["0", "1", "2", "3", "40"], "status": ["1", "2", "0", "6", "7"], "failure": ["0", "1", "2", "3"],
          "type": ["1", "2", "3", "4", "5", "6", "11"], "reason": ["0", "1", "2", "3", "5", "8", "20"]}
RARE = {"message": ["4", "120", "17", "", "Email", "00"], "status": ["3", "5", "8", "-1", "", "Sent", "1 "],
        "failure": ["4", "", "Hard"], "type": ["7", "", "Open", " 2", "0"], "reason": ["127", "", "12"]}


def own_map(stream, chance):
    mapped = [one for one in stream.columns if one[0] in VALUES]
    if not mapped:
        return stream.columns[0][1]
    chosen = chance.sample(mapped, min(len(mapped), chance.randint(1, 3)))
    width = len(chosen)
    keys, skip = {}, []
    for _ in range(chance.randint(1, 7)):
        parts = [chance.choice(VALUES[what] + RARE[what]) for what, _ in chosen]
        if width > 1:
            parts = ["*" if chance.random() < 0.35 else part for part in parts]
        key = ",".join(parts)
        if key in keys or key in skip or key.strip() != key or not key:
            continue
        if chance.random() < 0.25:
            skip.append(key)
        else:
            keys[key] = chance.choice(WORDS) + chance.choice(["", ".a", ", b", ' "c"'])
    if not keys:
        keys[",".join("0" for _ in chosen)] = "zero"
        skip = [one for one in skip if one not in keys]
    out = {"from": [name for _, name in chosen], "map": keys}
    if skip:
        out["skip"] = skip
    if chance.random() < 0.7:
        out["else"] = chance.choice(["aside", "skip", "other", ""])
    return out


# Logs

FAULTS = ["none", "none", "none", "ragged", "bytes", "long", "values", "times", "clocks", "twice", "empty cells", "blank lines", "header again",
          "other header", "unclosed", "backslashes", "several", "several"]


def make_log(seed, stream, number):
    chance = random.Random(f"{seed} {stream.name} {number}")
    maker = Maker(stream, chance)
    fault = maker.fault = chance.choice(FAULTS)
    if chance.random() < 0.03:
        count = chance.randint(500, 1500)
    else:
        count = chance.choice([0, 1, 2, 5, 20, 20, 60])
    data = maker.log(count)
    return Log(stream, f"{number:04}.csv", data, b"\\" if maker.is_spark else None, maker.delimiter.encode(), fault, maker.is_conventional)


class Maker:
    def __init__(self, stream, chance):
        self.stream, self.chance = stream, chance
        # Where no row is looked at, they are sent as they are written, and RFC 4180 is what they are read by.
        self.is_spark = (stream.shape is not None or stream.checks) and chance.random() < 0.25
        self.delimiter = ","
        self.end = chance.choice(["\n", "\n", "\r\n"])
        self.style = chance.choice(["needed", "needed", "all", "mixed"])
        self.is_conventional = True
        self.ids = []
        self.fault = "none"

    def log(self, count):
        names = [name for _, name in self.stream.columns]
        whats = [what for what, _ in self.stream.columns]
        head = self.line(names)
        lines, several = [head], ["ragged", "bytes", "long", "values", "times", "clocks", "twice", "empty cells"]
        middle = self.chance.randrange(count) if count else -1
        if self.fault == "unclosed" and self.stream.rotation == "follow":
            # Of a log that may still grow, two rows have to stand behind it.
            middle = min(middle, count - 4)
        has_quotes = True
        for number in range(count):
            if number == middle and self.fault == "header again":
                lines += [head] * self.chance.choice([1, 1, 2])
            if number == middle and self.fault == "other header":
                whats, names = self.other(whats, names)
                lines.append(self.line(names))
            if number == middle and self.fault == "unclosed":
                # No quote follows: which other quote would close it is told nowhere.
                lines.append(self.unclosed(whats))
                has_quotes = False
                self.is_conventional = False
                continue
            if number == middle and self.fault == "blank lines":
                lines.append(b"")
            # A backslash before the last quote of a log that may still grow: two rows behind it say what it is.
            is_late = self.fault == "backslashes" and self.stream.rotation == "follow" and number >= count - 3
            cells = self.cells(whats, has_quotes and not is_late)
            now = self.chance.choice(several) if self.fault == "several" else self.fault
            if now != "none" and self.chance.random() < (0.7 if now == "clocks" else 0.3):
                cells = self.spoil(now, whats, cells, has_quotes)
            lines.append(cells if isinstance(cells, bytes) else self.line(cells, has_quotes))
        end = self.end.encode()
        data = end.join(lines) + end
        kind = self.chance.random()
        if self.stream.rotation == "closed":
            if kind < 0.1 and lines[-1]:
                data = data.removesuffix(end)
            elif kind < 0.15 and self.fault == "blank lines":
                data += end * 2
        return (b"\xef\xbb\xbf" if self.chance.random() < 0.2 else b"") + data

    def other(self, whats, names):
        pairs = list(zip(whats, names))
        kind = self.chance.choice(["order", "one more", "one less", "one more in front"])
        if kind == "order":
            first = pairs.pop(0)
            pairs.append(first)
        elif kind == "one more":
            pairs.append(("word", "added_later"))
        elif kind == "one more in front":
            pairs.insert(0, ("word", "added_in_front"))
        else:
            needed = NEEDED.get(self.stream.kind, []) if self.stream.shape else ["id"]
            spare = [pair for pair in pairs if pair[0] not in needed and not self.is_used(pair[1])]
            pairs.remove(spare[0]) if spare else pairs.append(("word", "added_later"))
        return [what for what, _ in pairs], [name for _, name in pairs]

    def is_used(self, name):
        return self.stream.shape is not None and name in str(self.stream.shape["columns"])

    def line(self, cells, may_quote=True):
        return self.delimiter.join(self.write(cell, may_quote) for cell in cells).encode()

    def write(self, cell, may_quote=True):
        must = any(char in cell for char in (self.delimiter, '"', "\r", "\n"))
        if not may_quote:
            return cell if not must else "plain"
        if not must and not (self.style == "all" or self.style == "mixed" and self.chance.random() < 0.4):
            if self.is_spark and "\\" in cell:
                self.is_conventional = False
            return cell
        if self.fault != "backslashes":
            # Which reading fits is beyond doubt: no backslash before a quote that is none, and nothing else in a value with one that is.
            cell = cell.replace("\\", "/")
            if self.is_spark and '"' in cell:
                cell = "x" + "".join(char for char in cell if char not in ',;\t\r\n') + "x"
        if self.is_spark:
            # With no quote in it both readings fit, and which one was meant nobody can tell.
            cell = cell if '"' in cell else cell.replace("\\", "/")
            return '"' + cell.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return '"' + cell.replace('"', '""') + '"'

    # Values

    def cells(self, whats, has_quotes):
        return [self.cell(what, has_quotes) for what in whats]

    def cell(self, what, has_quotes=True):
        chance = self.chance
        if what == "id":
            kind = chance.random()
            if kind < 0.1:
                one = "-" + str(chance.randint(1, 10 ** 9))
            elif kind < 0.2:
                one = str(__import__("uuid").UUID(int=chance.getrandbits(128)))
            else:
                one = str(chance.randint(1, 10 ** 12))
            self.ids.append(one)
            return one
        if what in ("delivery", "recipient", "broadlog", "agent"):
            return str(chance.randint(-10 ** 6, 10 ** 7))
        if what == "crm":
            return f"CRM-{chance.randint(0, 10 ** 7):07}"
        if what in VALUES:
            # Mail that was sent, most of it.
            return chance.choice(VALUES[what][:1] * 2 + VALUES[what])
        if what in ("time", "modified"):
            return self.time(PAST - timedelta(seconds=chance.randint(3600, 86400 * 700)))
        if what == "url":
            return str(chance.randint(1, 99999))
        return self.word(has_quotes)

    def word(self, has_quotes):
        chance = self.chance
        pieces = [chance.choice(WORDS)]
        if chance.random() < 0.5:
            extra = list(FAR)
            if has_quotes:
                extra += [",", ",", '"', '"', "\n", "\r\n", "\\", " ", ";", "\t"]
            pieces += chance.choices(extra, k=chance.randint(1, 4)) + chance.choices(WORDS, k=chance.randint(0, 2))
            chance.shuffle(pieces)
        if chance.random() < 0.1:
            return ""
        if self.fault == "backslashes" and has_quotes and chance.random() < 0.3:
            pieces = [chance.choice(['"', "\\", '\\"', "\\\\"])] * chance.randint(0, 1) + pieces
            pieces += [chance.choice(['"', "\\", '\\"', '"x, "', "\\\\"])] * chance.randint(0, 1)
        return "".join(pieces)

    def time(self, at):
        at = at.astimezone(ZoneInfo(self.stream.zone)) if "XXX" not in self.stream.form else at.astimezone(
            timezone(timedelta(minutes=self.chance.choice([0, 60, -300, 330, 630]))))
        return self.spell(at.replace(microsecond=self.chance.randint(0, 999_999)))

    def spell(self, at):
        """The form, letter by letter."""
        out, form = "", self.stream.form
        offset = at.utcoffset() or timedelta(0)
        minutes = int(offset.total_seconds()) // 60
        sign = "-" if minutes < 0 else "+"
        shown = "Z" if not minutes and self.chance.random() < 0.7 else f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
        known = [("yyyy", f"{at.year:04}"), ("XXX", shown), ("SSSSSS", f"{at.microsecond:06}"), ("SSS", f"{at.microsecond // 1000:03}"), ("MM", f"{at.month:02}"),
                 ("dd", f"{at.day:02}"), ("HH", f"{at.hour:02}"), ("mm", f"{at.minute:02}"), ("ss", f"{at.second:02}"),
                 ("M", str(at.month)), ("d", str(at.day)), ("H", str(at.hour))]
        while form:
            if form[0] == "'":
                text, _, form = form[1:].partition("'")
                out += text
                continue
            for letters, text in known:
                if form.startswith(letters):
                    out += text
                    form = form[len(letters):]
                    break
            else:
                out += form[0]
                form = form[1:]
        return out

    # Faults

    def spoil(self, fault, whats, cells, has_quotes):
        chance = self.chance
        at = {what: number for number, what in enumerate(whats)}
        if fault == "ragged":
            return cells[:chance.randint(1, len(cells) - 1)] if chance.random() < 0.5 else cells + ["more"] * chance.randint(1, 2)
        if fault == "bytes":
            self.is_conventional = False
            place = chance.choice([number for number, what in enumerate(whats) if what not in ("id", "time")] or [0])
            return self.delimiter.encode().join(
                self.write(cell, has_quotes).encode() if number != place else chance.choice([b"a\0b", b"\xff\xfe", b"caf\xe9", b"\xed\xa0\x80", b"\0"])
                for number, cell in enumerate(cells))
        if fault == "long":
            cells[chance.randrange(len(cells))] = "z" * chance.choice([280, 2000, 9000, 9990, 10020, 30000])
        elif fault == "values":
            for what in chance.sample(sorted(at), len(at)):
                if what in RARE:
                    cells[at[what]] = chance.choice(RARE[what])
                    break
        elif fault == "times":
            now = datetime.now(timezone.utc)
            cells[at["time"]] = chance.choice([
                self.time(now + timedelta(days=chance.choice([1, 400]))), self.time(now + timedelta(seconds=60)), "", "yesterday",
                self.time(now - timedelta(days=9)) + " ", "2026/13/01 00:00:00", "2025/02/29 10:00:00", self.time(now)[:-1], "0000/00/00 00:00:00",
                "2026/3/12 6:05:07", "2026-03-12", "1741759200"])
        elif fault == "clocks":
            cells[at["time"]] = self.spell(clock_change(chance, self.stream.zone))
        elif fault == "twice" and self.ids:
            cells[at["id"]] = chance.choice(self.ids)
        elif fault == "empty cells":
            for number in range(len(cells)):
                if chance.random() < 0.3:
                    cells[number] = ""
        return cells

    def unclosed(self, whats):
        cells = [self.write(cell, False) for cell in self.cells(whats, False)]
        place = self.chance.randrange(len(cells))
        cells[place] = '"' + cells[place]
        return self.delimiter.join(cells).encode()


def clock_change(chance, zone):
    """A time of the wall near one: before, in the gap, in the hour that comes twice, behind it."""
    days = {"Europe/Paris": [(2025, 3, 30, 2), (2025, 10, 26, 2)], "America/New_York": [(2025, 3, 9, 2), (2025, 11, 2, 1)],
            "Australia/Lord_Howe": [(2025, 10, 5, 2), (2025, 4, 6, 1)]}
    year, month, day, hour = chance.choice(days.get(zone, days["Europe/Paris"]))
    at = datetime(year, month, day, hour) + timedelta(seconds=chance.choice([-1, 0, 1, 1799, 1800, 3599, 3600, 5400, chance.randint(-4000, 8000)]))
    return at.replace(microsecond=chance.choice([0, 999000]))
