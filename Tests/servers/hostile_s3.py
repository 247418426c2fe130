"""An S3 server that nobody would want: hostile_s3.py

Prints its own port, and `GET PATH` for each request. The bucket's name says what is wrong with it; all but the object is sound:

good            one object, good.csv
endless-body    the body of bad.csv, listed with 58 bytes, never ends; good.csv is sound
short-body      that of bad.csv has 20 bytes; good.csv is sound
cut-body        that of bad.csv is announced with 58 bytes, and the connection closes after 20; good.csv is sound
other-tag       bad.csv comes with another ETag than listed, always; good.csv is sound
forbidden       bad.csv is 403; good.csv is sound
same-token      each page has the same mark for the next one
two-tokens      two marks, in turn
fresh-tokens    the same page again and again, with new marks
empty-pages     pages without objects, with new marks, up to 100,000
foreign-pages   pages of names that were not asked for, without an end
endless-xml     a page that never ends
huge-xml        a page of 100 MB
many-entries    a page of 8 MB, of the smallest entries
endless-headers headers that never end
endless-100     `100 Continue` for ever
drip            a byte of a page every second
odd-WORD        one entry whose size is WORD, beside a sound one
wild            absurd keys, sizes, dates and ETags, beside good.csv

Ends when its standard input closes.
"""

import itertools
import socketserver
import sys
import threading
import time
from urllib.parse import parse_qs, unquote, urlsplit

TABLE = b"id,email\n" + b"1,a\n" * 12 + b"\n"
assert len(TABLE) == 58
ODD = {"negative": "-1", "word": "many", "float": "1e400", "huge": str(1 << 63), "most": str((1 << 64) - 1), "over": str(1 << 64)}


def entry(key, size=58, tag="t", date="2026-03-12T06:00:00.000Z"):
    return (
        f"<Contents><Key>{key}</Key><LastModified>{date}</LastModified>"
        f"<ETag>&quot;{tag}&quot;</ETag><Size>{size}</Size></Contents>"
    )


def page(entries, token=None):
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return f"<ListBucketResult>{more}{''.join(entries)}</ListBucketResult>"


def wild():
    keys = ["", "..", "../x.csv", "k" * 5000 + ".csv", "a//b.csv", "&#1;.csv", "x&#10;y.csv", "one.csv", "one.csv", "empty.csv"]
    dates = ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "262144-01-01T00:00:00Z", "garbage", ""]
    entries = [entry(key, size=0 if key == "empty.csv" else 58) for key in keys]
    entries += [entry(f"date{number}.csv", date=date) for number, date in enumerate(dates)]
    entries += [entry(f"huge{number}.csv", size=size) for number, size in enumerate([1 << 63, (1 << 64) - 1])]
    return entries + [entry("tag.csv", tag="e" * (1 << 20)), entry("good.csv")]


class Hostile(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            while self.one():
                pass
        except OSError:
            pass

    def one(self):
        line = self.rfile.readline(65536).decode("latin-1").split()
        if len(line) < 2:
            return False
        while self.rfile.readline(65536) not in (b"\r\n", b"\n", b""):
            pass
        url = urlsplit(line[1])
        print(line[0], line[1], flush=True)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        if key:
            return self.object(bucket, key)
        return self.list(bucket, parse_qs(url.query))

    def send(self, *parts):
        for part in parts:
            self.wfile.write(part if isinstance(part, bytes) else part.encode())

    def answer(self, body, status="200 OK", headers="", size=None):
        body = body if isinstance(body, bytes) else body.encode("utf-8")
        self.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if size is None else size}\r\n{headers}\r\n", body)
        return size is None

    def chunks(self, chunk, count=None, tag="t"):
        self.send(f'HTTP/1.1 200 OK\r\nETag: "{tag}"\r\nTransfer-Encoding: chunked\r\n\r\n')
        for _ in itertools.count() if count is None else range(count):
            self.send(f"{len(chunk):x}\r\n", chunk, "\r\n")
        self.send("0\r\n\r\n")
        return True

    def object(self, bucket, key):
        if key.startswith("bad"):
            if bucket == "endless-body":
                return self.chunks(b"x" * 65536)
            if bucket == "short-body":
                return self.chunks(TABLE[:20], 1)
            if bucket == "cut-body":
                return self.answer(TABLE[:20], headers='ETag: "t"\r\n', size=58)
            if bucket == "other-tag":
                return self.answer(TABLE, headers='ETag: "u"\r\n')
            return self.answer("<Error><Code>AccessDenied</Code></Error>", "403 Forbidden")
        if key.startswith("good"):
            return self.answer(TABLE, headers='ETag: "t"\r\n')
        return self.answer("<Error><Code>NoSuchKey</Code></Error>", "404 Not Found")

    def list(self, bucket, query):
        good, bad = entry("good.csv"), entry("bad.csv")
        token = query.get("continuation-token", [""])[0]
        if bucket in ("endless-body", "short-body", "cut-body", "other-tag", "forbidden"):
            return self.answer(page([bad, good]))
        if bucket == "same-token":
            return self.answer(page([entry(f"{time.monotonic_ns()}.csv")], "again"))
        if bucket == "two-tokens":
            return self.answer(page([entry(f"{time.monotonic_ns()}.csv")], "b" if token == "a" else "a"))
        if bucket == "fresh-tokens":
            return self.answer(page([good], f"t{time.monotonic_ns()}"))
        if bucket == "empty-pages":
            return self.answer(page([], f"t{time.monotonic_ns()}"))
        if bucket == "foreign-pages":
            return self.answer(page([entry(f"{time.monotonic_ns()}.csv")], f"t{time.monotonic_ns()}"))
        if bucket == "endless-xml":
            return self.chunks((good * 500).encode())
        if bucket == "huge-xml":
            return self.chunks((good * 4000).encode(), 100)
        if bucket == "many-entries":
            return self.answer(page(["<Contents><Size>1</Size></Contents>"] * 200_000))
        if bucket == "endless-headers":
            self.send("HTTP/1.1 200 OK\r\n")
            for number in itertools.count():
                self.send(f"X-{number}: {'x' * 1000}\r\n")
        if bucket == "endless-100":
            while True:
                self.send("HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n" * 100)
        if bucket == "drip":
            self.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                self.send("<")
                time.sleep(1)
        if bucket.startswith("odd-"):
            return self.answer(page([entry("bad.csv", size=ODD[bucket[4:]]), good]))
        return self.answer(page(wild() if bucket == "wild" else [good]))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64


server = Server(("127.0.0.1", 0), Hostile)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
