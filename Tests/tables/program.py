"""The program as it ships, on a folder with many feeds."""

import csv
import gzip
import io
import json
import os
import subprocess

QUOTES = {'"': r"'\"'", None: "none", "\0": r'"\0"'}
ESCAPES = {"auto": "auto", "double": "double", "backslash": r'"\\"', "apostrophe": '''"'"'''}


def quoted(text):
    return json.dumps(text)


def settings(root, feeds):
    out = f"state: {root}/state\nhost: tables\nlimits: {{ min_free: 0 }}\nfeeds:\n"
    for feed in feeds:
        out += f"  {feed.name}:\n    landing: {root}/landing/{feed.name}\n    handover: {root}/import/{feed.name}\n"
        out += "    duplicates: deliver\n    ready: { settle: 0s, parts: off, manifest: off }\n"
        out += (f"    format: {{ delimiter: {quoted(feed.delimiter or 'auto')}, quote: {quoted(feed.quote or 'none')},"
                f" escape: {ESCAPES[feed.escape]}, line_end: {feed.line_end}, encoding: {feed.encoding},"
                f" header: {str(feed.header).lower()} }}\n")
        out += (f"    require: {{ columns: {quoted(feed.columns)}, columns_exact: {str(feed.columns_exact).lower()},"
                f" empty: {feed.empty}, min_rows: {feed.min_rows}, max_rows: {feed.max_rows}, max_bytes: {feed.max_bytes},"
                f" max_row_bytes: {feed.max_row_bytes} }}\n")
        if feed.rewrite:
            one = feed.rewrite
            out += (f"    rewrite: {{ delimiter: {quoted(one.delimiter)}, quote: {quoted(one.quote or 'none')},"
                    f" line_end: {one.line_end}, encoding: {one.encoding}, compress: {one.compress},"
                    f" replacement: {quoted(one.replacement)} }}\n")
    return out


class Site:
    settings = staticmethod(settings)

    def __init__(self, root, binary, feeds):
        self.root, self.binary, self.feeds = root, binary, feeds
        for feed in feeds:
            os.makedirs(f"{root}/landing/{feed.name}")
            os.makedirs(f"{root}/import/{feed.name}")
        with open(f"{root}/navette.yaml", "w", encoding="utf-8") as file:
            file.write(self.settings(root, feeds))

    def lay(self, file):
        with open(f"{self.root}/landing/{file.feed.name}/{file.name}", "wb") as out:
            out.write(file.data)

    def call(self, *arguments):
        return subprocess.run(
            [self.binary, *arguments, "--config", f"{self.root}/navette.yaml"], capture_output=True, check=False)

    def run(self):
        ended = self.call("run", "--once")
        # 75: a drop waits, which is no verdict; it is told of by its place.
        if ended.returncode not in (0, 1, 75):
            raise SystemExit(f"run --once ended with {ended.returncode}: {ended.stderr.decode()[-600:]}")

    def drops(self):
        """By feed and name, with every reason of those that were not handed over."""
        found = {}
        for drop in json.loads(self.call("drops", "--json", "--limit", "0").stdout)["drops"]:
            place = f"{self.root}/state/feeds/{drop['feed']}/{drop['state']}/{drop['id']}/reasons.json"
            if os.path.exists(place):
                with open(place, encoding="utf-8") as file:
                    drop["all"] = [(one["code"], one.get("row")) for one in json.load(file)]
            found[drop["feed"], drop["names"][0]] = drop
        return found

    def handed_over(self, file):
        """The bytes, or None."""
        stem = file.name.split(".")[0]
        folder = f"{self.root}/import/{file.feed.name}"
        for name in os.listdir(folder):
            if name.startswith(stem + "."):
                with open(f"{folder}/{name}", "rb") as data:
                    return data.read()
        return None


def read_back(data, rewrite):
    """The cells of what was handed over, by Python's csv module where the dialect has quotes."""
    if rewrite.compress == "gzip":
        data = gzip.decompress(data)
    text = data.decode(rewrite.encoding)
    end = {"lf": "\n", "crlf": "\r\n"}[rewrite.line_end]
    if rewrite.quote:
        rows = [row or [""] for row in csv.reader(io.StringIO(text, newline=""), delimiter=rewrite.delimiter, strict=True)]
        outside = text.count(end)
        return rows if outside >= len(rows) and text.endswith(end) else None
    lines = text.split(end)
    return [line.split(rewrite.delimiter) for line in lines[:-1]] if lines[-1] == "" else None
