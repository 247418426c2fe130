"""An HTTP server in trouble, before one that is well: trouble_front.py UPSTREAM_PORT MODE

Prints its own port. What it lets through, it passes on as it came, with the same `Host`, so that signatures stay good. Modes:
  slow:RATE    reads RATE bytes a second
  storm:SEED   429, 500, 502, 503, 504, half an error, no answer at all; before the work or after it; now and then it works
  lie          every digest in an answer is another
  half         what is put is not passed on; the answer tells the digests of its first half
  every:N      each N-th request gets 503, the first one too
  mumble       the first request with a body gets an error of which only a part comes
Ends when its standard input closes.
"""

import base64
import hashlib
import http.client
import itertools
import os
import random
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

UPSTREAM = int(sys.argv[1])
MODE, _, NUMBER = sys.argv[2].partition(":")
LOCK = threading.Lock()
RANDOM = random.Random(int(NUMBER or 0))
MUMBLED = []
COUNT = itertools.count()
ERROR = b"<Error><Code>InternalError</Code><Message>" + b"Try again. " * 40 + b"</Message></Error>"
STORM = ["pass"] * 14 + ["refuse"] * 5 + ["half error", "silence", "late refusal", "late half error", "late silence"]


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write for each answer's head: a delayed second packet is not the trouble meant here.
    wbufsize = -1

    def handle_any(self):
        body = self.body(int(self.headers.get("Content-Length", "0")))
        with LOCK:
            fate = RANDOM.choice(STORM) if MODE == "storm" else MODE
            if fate == "every":
                fate = "pass" if next(COUNT) % int(NUMBER) else "refuse"
            if fate == "mumble" and body:
                fate = "pass" if MUMBLED else "half error"
                MUMBLED.append(self.path)
            status = 503 if MODE == "every" else RANDOM.choice([429, 500, 502, 503, 504])
        if fate == "refuse":
            return self.give(status, [("Retry-After", "0")], b"<html>Come back later</html>")
        if fate == "half error":
            return self.half_error()
        if fate == "silence":
            return self.hang_up()
        if fate == "half" and self.command == "PUT" and body:
            return self.give(200 if "/navettetest/" not in self.path else 201, digests(body[: len(body) // 2]), b"")
        answer, content = self.ask(body)
        if fate == "late refusal":
            return self.give(status, [], b"")
        if fate == "late half error":
            return self.half_error()
        if fate == "late silence":
            return self.hang_up()
        headers = [(name, lie(name, value) if fate == "lie" else value) for name, value in answer.getheaders()]
        self.give(answer.status, headers, content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

    def body(self, length):
        if MODE != "slow":
            return self.rfile.read(length)
        pieces, piece = [], max(1, int(NUMBER) // 20)
        while length:
            pieces.append(self.rfile.read(min(piece, length)))
            length -= len(pieces[-1])
            if not pieces[-1]:
                raise ConnectionError("the client has gone")
            time.sleep(len(pieces[-1]) / int(NUMBER))
        return b"".join(pieces)

    def ask(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", UPSTREAM, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def give(self, status, headers, content):
        self.send_response_only(status)
        names = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        if "content-length" not in names and status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def half_error(self):
        self.send_response_only(500)
        self.send_header("Content-Length", str(len(ERROR)))
        self.end_headers()
        self.wfile.write(ERROR[:30])
        self.hang_up()

    def hang_up(self):
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_):
        pass


def digests(content):
    md5 = hashlib.md5(content)
    return [("ETag", f'"{md5.hexdigest()}"'), ("Content-MD5", base64.b64encode(md5.digest()).decode())]


def lie(name, value):
    """Another digest of the same form; other headers stay."""
    name = name.lower()
    if name == "etag":
        return '"' + "0" * 32 + value.strip('"')[32:] + '"'
    if name == "content-md5":
        return base64.b64encode(bytes(16)).decode()
    if name == "x-ms-content-crc64":
        return base64.b64encode(bytes(8)).decode()
    if name in ("x-amz-checksum-sha256", "x-amz-meta-navette-sha256", "x-ms-meta-navettesha256"):
        return base64.b64encode(bytes(32)).decode() if name == "x-amz-checksum-sha256" else "0" * 64
    return value


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # Clients hang up here, by intention.


server = Quiet(("127.0.0.1", 0), Front, bind_and_activate=False)
if MODE == "slow":
    # Small, or the kernel takes all at once and nobody sees that the reader is slow.
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
server.server_bind()
server.server_activate()
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
