"""An HTTP server that tells the truth about what it holds, until a lie is chosen: each request goes through it."""

import os
import select
import socket
import ssl
import struct
import threading
import time
from urllib.parse import parse_qsl, unquote

REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content"}


class Hangup(Exception):
    """The connection is over."""


class Answer:
    def __init__(self, status, body=b"", headers=None):
        self.status, self.headers = status, dict(headers or {})
        self.body = body if isinstance(body, bytes) else body.encode()
        # What is announced, where it is not the body's own; `None` leaves it out.
        self.length = len(self.body)

    def head(self):
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Trouble')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.length is not None and not any(name.lower() == "content-length" for name in self.headers):
            lines.append(f"Content-Length: {self.length}")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        path, _, query = target.partition("?")
        self.path, self.query = unquote(path), dict(parse_qsl(query, keep_blank_values=True))
        # What the dialect calls it (put, get, head, list, …), and the object it is about.
        self.op, self.key = "", ""


class Talk:
    """One connection."""

    def __init__(self, server, sock):
        self.server, self.sock = server, sock
        self.file = sock.makefile("rb")

    def send(self, data):
        self.sock.sendall(data)

    def answer(self, request, answer):
        self.send(answer.head() + (b"" if request.method == "HEAD" else answer.body))
        if answer.length != len(answer.body) or answer.headers.get("Connection") == "close":
            raise Hangup

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Hangup

    def wait(self, seconds):
        """Until the other side is gone, or so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.server.ended:
            ready, _, _ = select.select([self.sock], [], [], min(0.2, max(0, until - time.monotonic())))
            if ready and not self.sock.recv(65536):
                raise Hangup

    def hang(self):
        self.wait(3600)
        raise Hangup

    def next(self):
        line = self.file.readline(65536)
        if not line.strip():
            return None
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers = {}
        while True:
            line = self.file.readline(65536)
            if not line.strip():
                break
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        request = Request(method, target, headers, b"")
        self.server.dialect.name(request)
        lie = self.server.lie
        if lie and lie.before_body:
            self.server.note(request)
            lie.tell(self, request)
            raise Hangup
        if headers.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.body = self.body(headers)
        return request

    def body(self, headers):
        size = int(headers.get("content-length", "0"))
        data = self.file.read(size)
        if len(data) < size:
            raise Hangup
        return data

    def serve(self):
        while True:
            request = self.next()
            if request is None:
                return
            self.server.note(request)
            lie = self.server.lie
            answer = lie.tell(self, request) if lie else self.server.truth(request)
            if answer is None:
                raise Hangup
            self.answer(request, answer)


class Server:
    """`lie` may be changed at any time; `None` is the truth. `asked` has a line for each request."""

    def __init__(self, dialect, tls=None):
        self.dialect, self.lie, self.ended = dialect, None, False
        self.lock, self.asked, self.state, self.wrong = threading.RLock(), [], {}, set()
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=[sock], daemon=True).start()

    def one(self, sock):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            lie = self.lie
            if lie and lie.raw:
                self.note(None)
                lie.tell(Talk(self, sock), None)
            elif self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            Talk(self, sock).serve()
        except (Hangup, OSError, ValueError):
            pass
        finally:
            sock.close()

    def note(self, request):
        self.asked.append((time.monotonic(), request.op if request else "connect", request.key if request else ""))
        if os.environ.get("LIARS_TRACE") and request:
            print("  asked", request.method, request.target[:150], dict(request.headers), flush=True)

    def truth(self, request):
        with self.lock:
            return self.dialect.truth(request)

    def first(self, what):
        """Whether this is the first time."""
        with self.lock:
            return self.state.setdefault(what, 0) == 0 and not self.state.update({what: 1})

    def close(self):
        self.ended = True
        self.socket.close()
