"""Feeds with rules for rows, of tables (r…) and of lines of JSON (j…), and drops of one part or several for them."""

import gzip
import json
import random
from dataclasses import dataclass, field

from maker import Rewrite
from values import CODE, VALUES

WORDS = ["amber", "birch", "cedar", "dune", "ember", "fjord", "glade", "heath", "islet", "knoll"]
TYPED = {"n": "integer", "m": "number", "day": "date", "at": "datetime", "mail": "email", "flag": "boolean", "code": CODE}
# Where the same stands in JSON.
PATHS = {"key": "key", "n": "n", "m": "p.m", "day": "p.day", "at": "p.q.at", "mail": "list.0.mail", "flag": "flag", "code": "x\\.y",
         "text": "text"}
MARK = b"\xef\xbb\xbf"


@dataclass
class RowFeed:
    name: str
    is_json: bool
    end: str = "\n"
    delimiter: str = ","
    required: list = field(default_factory=list)
    types: dict = field(default_factory=dict)
    not_null: list = field(default_factory=list)
    length: dict = field(default_factory=dict)
    unique: list = field(default_factory=list)
    keep: str = "none"
    at_most: str | None = None
    max_row_bytes: int = 1 << 20
    rewrite: Rewrite | None = None
    # Of JSON.
    columns: dict | None = None
    new_columns: str = "hold"
    separator: str = "."
    join: str = ";"
    nested: str = "refuse"
    null: str = ""
    missing: str = ""
    schema: dict = field(default_factory=dict)


@dataclass
class Drop:
    feed: RowFeed
    number: int
    names: list
    # As they come, and as they are once unpacked.
    data: list
    texts: list
    fault: str
    packing: str
    key: str = ""


def make_feed(seed, number, is_json):
    name = f"{'j' if is_json else 'r'}{number:03}"
    chance = random.Random(f"{seed} feed {name}")
    feed = RowFeed(name, is_json, chance.choice(["\n", "\n", "\r\n"]), chance.choice([",", ";", "\t", "|"]))
    place = PATHS if is_json else {column: column for column in PATHS}
    if chance.random() < 0.75 or not is_json:
        feed.types = {place[column]: TYPED[column] for column in chance.sample(list(TYPED), chance.randint(1, 5))}
        feed.not_null = [place[column] for column in chance.sample(["key", "n", "mail"], chance.randint(0, 2))]
        feed.length = {place["text"]: chance.choice([5, 12, 40])} if chance.random() < 0.5 else {}
    if is_json and chance.random() < 0.5:
        feed.required = [PATHS[column] for column in chance.sample(["key", "m", "mail", "code"], chance.randint(1, 2))]
    if chance.random() < 0.6:
        feed.unique = [place[column] for column in chance.choice([["key"], ["key"], ["key", "n"], ["mail", "day"]])]
        feed.keep = chance.choice(["none", "first", "last"])
    if chance.random() < 0.7:
        feed.at_most = chance.choice(["1", "3", "10", "1%", "10%", "33.3%", "0.25%", "50%", "100%"])
    feed.max_row_bytes = chance.choice([1 << 20, 900 if is_json else 300])
    if chance.random() < (0.8 if is_json else 0.4):
        feed.rewrite = Rewrite(
            chance.choice([",", ";", "\t", "|", ":"]), '"' if is_json and chance.random() < 0.7 else chance.choice([None, '"']),
            chance.choice(["lf", "crlf"]), chance.choice(["utf-8", "utf-8", "iso-8859-1"]), chance.choice(["none", "none", "gzip"]),
            chance.choice(["", "", "?"]))
    if is_json:
        shape_json(feed, chance)
    return feed


def shape_json(feed, chance):
    feed.separator = chance.choice([".", ".", "_"])
    feed.join = chance.choice([";", ";", "|", " / ", ""])
    feed.null, feed.missing = chance.choice([("", ""), ("NULL", "-"), ("N", "")])
    if feed.rewrite and feed.rewrite.quote and feed.rewrite.encoding == "utf-8" and chance.random() < 0.5:
        feed.nested = "json"
    keys = chance.sample(WORDS + ["a b", "é", "0", "Z", "日本"], 8)
    feed.schema = {keys[0]: "text", keys[1]: "number", keys[2]: {keys[3]: "text", keys[4]: {keys[5]: "any"}}, keys[6]: "array",
                   keys[7]: chance.choice(["objects", "arrays"]) if feed.nested == "json" else chance.choice(["array", "any"])}
    if not feed.rewrite:
        return
    if chance.random() < 0.55:
        paths = [*PATHS.values(), keys[0], keys[1], f"{keys[2]}.{keys[3]}", f"{keys[2]}.{keys[4]}.{keys[5]}", keys[6], f"{keys[6]}.1",
                 "nowhere.at.all", "list.1.mail", *([keys[7], keys[2], "list.0"] if feed.nested == "json" else [])]
        chosen = chance.sample(paths, chance.randint(1, len(paths)))
        feed.columns = {f"c{number} {chance.choice(WORDS)}": path for number, path in enumerate(chosen)}
        if feed.nested == "refuse" and chance.random() < 0.25:
            # An object, where it is not null or missing; "list", an array of objects.
            feed.columns = {name: path for name, path in feed.columns.items() if not path.startswith((keys[2], "list"))}
            feed.columns["nested"] = chance.choice([keys[2], "list"])
    else:
        # Arrays of objects are no columns, nor have they any.
        feed.new_columns = chance.choice(["hold", "append", "ignore"])
        feed.nested = "json"
        feed.rewrite.quote, feed.rewrite.encoding = '"', "utf-8"


# Rows

class RowMaker:
    def __init__(self, feed, chance, drop, is_first):
        self.feed, self.chance, self.drop, self.is_first = feed, chance, drop, is_first
        self.count = 0
        self.badness = 0 if is_first else chance.choice([0, 0, 0.02, 0.1, 0.4])
        self.twice = 0 if is_first else chance.choice([0, 0, 0.05, 0.3])

    def typed(self, column):
        good, bad = VALUES[TYPED[column]]
        chance = self.chance
        if chance.random() < 0.15 and not (self.is_first and column == "mail"):
            return ""
        return chance.choice(bad if chance.random() < self.badness / 4 else good)

    def row(self):
        chance, self.count = self.chance, self.count + 1
        number = chance.randint(1, self.count) if chance.random() < self.twice else self.count
        values = {column: self.typed(column) for column in TYPED}
        values["key"] = "" if chance.random() < self.badness / 3 else f"k{number}"
        if self.twice == 0 and "key" not in self.feed.unique:
            values["mail"] = f"m{self.count}@example.org" if not chance.random() < self.badness / 4 else "m"
        if self.is_first or self.twice == 0:
            values["n"] = values["n"] or "1"
        values["text"] = self.text()
        return values

    def text(self):
        chance = self.chance
        if self.is_first:
            return "abc"
        far = ["日本", "😀", "a\u0301"] if chance.random() < 0.3 else []
        pieces = chance.choices(["a", "é", "ß", " ", "amber", "'", *far], k=chance.randint(0, 4))
        if chance.random() < 0.05:
            pieces += chance.choices(['"', self.feed.delimiter, "\n", "\t", "x" * 30, self.feed.join], k=2)
        return "".join(pieces)


# Tables

COLUMNS = ["key", *TYPED, "text"]


def write_cell(feed, chance, cell):
    if any(char in cell for char in (feed.delimiter, '"', "\r", "\n")) or chance.random() < 0.1:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def table_lines(feed, maker, count):
    rows = [[row[column] for column in COLUMNS] for row in (maker.row() for _ in range(count))]
    for row in rows:
        if maker.chance.random() < maker.badness / 4:
            row[3:] = row[4:] if maker.chance.random() < 0.5 else ["more", *row[3:]]
    lines = [feed.delimiter.join(write_cell(feed, maker.chance, cell) for cell in row).encode() for row in rows]
    return [feed.delimiter.join(COLUMNS).encode()], lines


# Lines of JSON

NUMBERS = ["0", "-0", "1", "1.0", "1.50", "1e5", "1E+05", "-2.5e-3", "123456789012345678901234567890", "0.1", "0e0"]


class JSONMaker:
    def __init__(self, feed, maker):
        self.feed, self.maker, self.chance = feed, maker, maker.chance
        self.has_gaps = self.chance.random() < 0.2

    def gap(self):
        return self.chance.choice(["", " ", "\t", "  "]) if self.has_gaps else ""

    def string(self, text):
        out = ""
        for char in text:
            kind = self.chance.random()
            if char in '"\\' or char < " ":
                out += json.dumps(char)[1:-1] if kind < 0.7 else f"\\u{ord(char):04x}"
            elif kind < 0.03:
                out += "".join(f"\\u{int.from_bytes(char.encode('utf-16-be')[at:at + 2], 'big'):04X}"
                               for at in range(0, len(char.encode("utf-16-be")), 2))
            else:
                out += "\\/" if char == "/" and kind < 0.5 else char
        return f'"{out}"'

    def write(self, value):
        """Numbers are a pair of None and their spelling."""
        gap = self.gap
        if isinstance(value, tuple):
            return value[1]
        if isinstance(value, dict):
            return "{" + gap() + f"{gap()},{gap()}".join(
                f"{self.string(key)}{gap()}:{gap()}{self.write(one)}" for key, one in value.items()) + gap() + "}"
        if isinstance(value, list):
            return "[" + gap() + f"{gap()},{gap()}".join(self.write(one) for one in value) + gap() + "]"
        return self.string(value) if isinstance(value, str) else json.dumps(value)

    def single(self):
        return self.chance.choice([None, True, False, (None, self.chance.choice(NUMBERS)), self.maker.text(), "é", "", "a/b"])

    def of(self, kind):
        chance = self.chance
        if not self.maker.is_first and chance.random() < 0.08:
            return None
        if isinstance(kind, dict):
            return self.fill(kind)
        if kind == "text":
            return self.maker.text()
        if kind == "number":
            return None, chance.choice(NUMBERS)
        if kind == "any":
            return self.single()
        if kind == "objects":
            return [{"id": self.single(), "more": []} for _ in range(chance.randint(1, 3))]
        if kind == "arrays":
            return [[self.single()], self.single()]
        return [self.single() for _ in range(chance.randint(0, 3))]

    def fill(self, schema):
        return {key: self.of(kind) for key, kind in schema.items() if self.maker.is_first or self.chance.random() < 0.85}

    def object(self):
        chance, row, feed = self.chance, self.maker.row(), self.feed

        def value(column):
            text = row[column]
            if column == "flag" and text in ("true", "false") and chance.random() < 0.7:
                return text == "true"
            if column in ("n", "m") and text and not text.startswith(("+", "00")) and text[-1].isdigit() and chance.random() < 0.7:
                try:
                    json.loads(text)
                    return None, text
                except ValueError:
                    return text
            return None if not text and chance.random() < 0.3 else text

        made = {"key": value("key"), "n": value("n"), "p": {"m": value("m"), "day": value("day"), "q": {"at": value("at")}},
                "list": [{"mail": value("mail")}], "flag": value("flag"), "x.y": value("code"), "text": row["text"], **self.fill(feed.schema)}
        if not self.maker.is_first:
            for key in ("key", "list", "p", "x.y", "flag", "text"):
                if chance.random() < self.maker.badness / 8:
                    del made[key]
            if chance.random() < 0.02:
                made["empty"] = {}
            if self.maker.brings and chance.random() < 0.3:
                made.setdefault("late", {})[chance.choice(["one", "two"])] = self.single()
        if not self.maker.is_first and chance.random() < 0.1:
            made = dict(chance.sample(list(made.items()), len(made)))
        return self.write(made)


def bad_line(chance, good):
    """One line that is none, with its name."""
    return chance.choice([
        ("no JSON", "key,name"), ("no JSON", good + "x"), ("no JSON", good[:-1] + ",}"), ("no JSON", good.replace('"', "'", 2)),
        ("no JSON", '{"a":01}'), ("no JSON", '{"a":NaN}'), ("no JSON", '{"a":1.}'), ("no JSON", '{"a":.5}'), ("no JSON", '{"a":+1}'),
        ("no JSON", '{"a":"\t"}'), ("no JSON", '{"a":"\\x"}'), ("no JSON", '{"a":tru}'), ("no JSON", good + good), ("no JSON", good + ","),
        ("array", "[" + good + "]"), ("one value", '"a"'), ("one value", "12"), ("one value", "null"), ("cut line", good[:len(good) // 2]),
        ("key twice", '{"a":1,"a":1}'), ("key twice", '{"b":{"a":1,"\\u0061":2}}'), ("key twice", '{"b":[{"a":1,"c":2,"a":3}]}'),
        ("half surrogate", '{"a":"\\ud800"}'), ("half surrogate", '{"a":"\\udc00\\ud800"}'), ("half surrogate", '{"\\ud83d":1}'),
        ("half surrogate", '{"a":"\\ud83d\\u0041"}'), ("blank line", " "), ("blank line", "\t"), ("empty line", ""),
        ("deep", '{"a":' + "[" * 64 + "]" * 64 + "}"), ("deep", '{"a":' + '{"a":' * 70 + "1" + "}" * 71)])


FAULTS = ["none"] * 8 + ["row too long", "row far too long", "row at the limit", "NUL", "bad UTF-8", "cut", "zero bytes", "blank lines alone"]
JSON_FAULTS = FAULTS + ["bad line"] * 8 + ["bad lines"] * 2 + ["pretty-printed", "deep enough", "path missing"]
TABLE_FAULTS = FAULTS + ["quote open", "empty line", "header alone"]


def make_drop(seed, feed, number):
    chance = random.Random(f"{seed} {feed.name} {number}")
    is_first = number == 0
    maker = RowMaker(feed, chance, number, is_first)
    maker.brings = feed.rewrite is not None and feed.columns is None and (number == 1 if feed.new_columns == "append" else chance.random() < 0.2)
    fault = "none" if number < 2 else chance.choice(JSON_FAULTS if feed.is_json else TABLE_FAULTS)
    is_alone = is_first or fault in ("zero bytes", "blank lines alone", "header alone", "pretty-printed")
    parts = 1 if is_alone or chance.random() < 0.75 else chance.randint(2, 3)
    packing = chance.choice(["plain", "plain", "gzip"])
    texts, name = [], fault
    at = chance.randrange(parts)
    for part in range(parts):
        count = chance.choice([2, 5, 10, 20, 30])
        if feed.is_json:
            head, writer = [], JSONMaker(feed, maker)
            lines = [writer.object().encode() for _ in range(count)]
        else:
            head, lines = table_lines(feed, maker, count)
        if part == at:
            name = on_lines(feed, chance, fault, lines) or name
        end = feed.end.encode()
        text = end.join(head + lines) + (end if chance.random() < 0.85 else b"")
        text += end * chance.randint(1, 2) if text.endswith(b"\n") and chance.random() < 0.1 else b""
        text = (MARK if chance.random() < 0.15 else b"") + text
        texts.append(on_text(chance, fault, text, len(head)) if part == at else text)
    ends = (".json" if feed.is_json else ".csv") + (".gz" if packing == "gzip" else "")
    stem = f"d{number:03}x"
    names = [stem + (f"_{part + 1}" if part else "") + ends for part in range(parts)]
    data = [gzip.compress(text, 6, mtime=0) if packing == "gzip" else text for text in texts]
    return Drop(feed, number, names, data, texts, name, packing + (", parts" if parts > 1 else ""), f"{feed.name}/{stem}")


def on_lines(feed, chance, fault, lines):
    place = chance.randrange(len(lines))
    limit = feed.max_row_bytes
    if fault in ("row too long", "row far too long", "row at the limit") and limit < 1 << 16:
        size = {"row too long": limit + chance.choice([1, 2, 500, limit, 15 * limit - 1, 15 * limit]),
                "row far too long": 16 * limit + chance.choice([1, 2, 5000]), "row at the limit": limit + chance.choice([-1, 0, 1])}[fault]
        line = lines[place]
        # Within the text, which is the last of a table's row.
        lines[place] = line[:-1] + b" " * (size - len(line)) + b"}" if feed.is_json else line.rstrip(b'"') + b"z" * (size - len(line.rstrip(b'"')))
        if not feed.is_json and line.endswith(b'"'):
            lines[place] = line
    elif fault in ("bad line", "bad lines"):
        for _ in range(1 if fault == "bad line" else 3):
            name, line = bad_line(chance, lines[chance.randrange(len(lines))].decode() or "{}")
            # At the end it would be no line.
            lines.insert(chance.randrange(len(lines)) if lines else 0, line.encode())
        return name if fault == "bad line" else None
    elif fault == "deep enough":
        lines[place] = b'{"deep":' + b"[" * 63 + b"]" * 63 + b"}" if not (feed.rewrite and feed.columns is None) else lines[place]
    elif fault == "path missing":
        lines[place] = b'{"n":1}'
    elif fault == "pretty-printed":
        lines[:] = json.dumps(json.loads(lines[0]), indent=2).encode().split(b"\n")
    elif fault == "quote open":
        lines[-1] = b'"' + lines[-1].replace(b'"', b"")
    elif fault == "empty line":
        lines.insert(place, b"")
    elif fault == "header alone":
        lines.clear()
    return None


def on_text(chance, fault, text, head):
    start = text.index(b"\n") + 1 if head and b"\n" in text else len(MARK) + 8
    place = chance.randrange(start, max(start + 1, len(text)))
    if fault == "NUL":
        return text[:place] + b"\0" + text[place:]
    if fault == "bad UTF-8":
        return text[:place] + chance.choice([b"\xff", b"\xc3\x28", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]) + text[place:]
    if fault == "cut":
        return text[:place]
    if fault == "zero bytes":
        return b""
    return chance.choice([b"\n", b"\r\n\n", b"\n\n\n"]) if fault == "blank lines alone" else text
