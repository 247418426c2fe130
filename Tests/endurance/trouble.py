"""A way to a store that can be told to misbehave, for HTTP with Content-Length and for anything over TCP.

  pass      faithful
  closed    nobody listens; connections are reset
  reset     a connection is taken, and reset in the middle of a request
  silent    everything is taken, and nothing is ever answered
  busy      503 to every request; over plain TCP there is no such answer, and the connection is closed politely
  lost      the whole request is passed on, the answer is dropped, the connection reset
  storm:N   each N-th request gets one of the four above, in turn; over plain TCP each 30 N-th piece is: a login and an upload take some
            twenty, and must be able to come to their end
"""

import asyncio
import itertools
import socket
import struct
import threading

BUSY = b"<Error><Code>SlowDown</Code><Message>as the endurance run asked</Message></Error>"
RESET = struct.pack("ii", 1, 0)
KINDS = ["busy", "reset", "silent", "lost"]


class Loop:
    """One thread for all of them."""

    one = None

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    @classmethod
    def do(cls, work):
        if cls.one is None:
            cls.one = cls()
        return asyncio.run_coroutine_threadsafe(work, cls.one.loop).result(30)


def length(head):
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


class Trouble:
    def __init__(self, upstream, http=True):
        self.upstream, self.http = upstream, http
        self.mode, self.every = "pass", 0
        self.counts, self.requests, self.held, self.parts = {}, 0, 0, 0
        self.number, self.kinds = itertools.count(1), itertools.cycle(KINDS)
        self.writers, self.server = set(), None
        # Bound and never listening: the port stays ours while it is closed.
        self.seat = self.bound(0)
        self.port = self.seat.getsockname()[1]
        Loop.do(self.listen())

    @staticmethod
    def bound(port):
        seat = socket.socket()
        seat.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        seat.bind(("127.0.0.1", port))
        return seat

    async def listen(self):
        self.server = await asyncio.start_server(self.serve, sock=self.bound(self.port), limit=1 << 20, backlog=256)

    def set(self, mode):
        Loop.do(self.change(mode))

    async def change(self, mode):
        self.mode, _, every = mode.partition(":")
        self.every = int(every or 0) * (1 if self.http else 30)
        if self.mode == "closed" and self.server:
            self.server.close()
            self.server = None
            for writer in list(self.writers):
                self.count("closed")
                self.cut(writer)
        if self.mode != "closed" and not self.server:
            await self.listen()

    def end(self):
        self.set("closed")
        self.seat.close()

    @property
    def failures(self):
        return sum(self.counts.values())

    def count(self, kind):
        self.counts[kind] = self.counts.get(kind, 0) + 1

    @staticmethod
    def cut(writer):
        try:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        except OSError:
            pass  # Closed by the other side already.
        writer.transport.abort()

    def fate(self):
        self.requests += 1
        if self.mode == "storm":
            return next(self.kinds) if next(self.number) % self.every == 0 else "pass"
        return "reset" if self.mode == "closed" else self.mode

    async def serve(self, reader, writer):
        self.writers.add(writer)
        try:
            await (self.serve_http if self.http else self.serve_plain)(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self.writers.discard(writer)
            self.cut(writer)

    async def hold(self, reader):
        """Until the other side gives up."""
        self.held += 1
        try:
            while await reader.read(1 << 16):
                pass
        finally:
            self.held -= 1

    # HTTP

    async def serve_http(self, reader, writer):
        upstream, dropping = None, [False]
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fate, size = self.fate(), length(head)
                self.parts += any(mark in head for mark in (b"partNumber=", b"blockid=", b"blockId="))
                if fate != "pass":
                    self.count(fate)
                if fate == "reset":
                    await reader.readexactly(size // 2)
                    return
                if fate == "silent":
                    return await self.hold(reader)
                if fate == "busy":
                    await self.skip(reader, size)
                    text = b"" if head.startswith(b"HEAD ") else BUSY
                    writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
                    await writer.drain()
                    continue
                if upstream is None:
                    upstream = await asyncio.open_connection("127.0.0.1", self.upstream, limit=1 << 20)
                    down = asyncio.create_task(self.pump(upstream[0], writer, dropping))
                dropping[0] = fate == "lost"
                upstream[1].write(head)
                await self.skip(reader, size, upstream[1])
                if fate == "lost":
                    await asyncio.wait([down])
                    return
        finally:
            if upstream:
                upstream[1].close()
                down.cancel()

    @staticmethod
    async def skip(reader, size, to=None):
        while size:
            data = await reader.read(min(size, 1 << 18))
            if not data:
                raise ConnectionError("the client has gone")
            size -= len(data)
            if to:
                to.write(data)
                await to.drain()

    async def pump(self, reader, writer, dropping):
        try:
            while data := await reader.read(1 << 18):
                if dropping[0]:
                    break
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        self.cut(writer)

    # Anything

    async def serve_plain(self, reader, writer):
        mode = self.mode
        if mode in KINDS:
            self.count(mode)
            if mode == "silent":
                await self.hold(reader)
            elif mode == "busy":
                writer.close()
            return
        upstream = await asyncio.open_connection("127.0.0.1", self.upstream, limit=1 << 20)
        down = asyncio.create_task(self.pump(upstream[0], writer, [False]))
        try:
            while data := await reader.read(1 << 16):
                fate = self.fate()
                if fate == "pass":
                    upstream[1].write(data)
                    await upstream[1].drain()
                    continue
                # Pieces are no requests: which of the four it is matters less than that the connection stops here.
                fate = "silent" if fate == "silent" else "reset"
                self.count(fate)
                if fate == "silent":
                    down.cancel()
                    await self.hold(reader)
                return
        finally:
            upstream[1].close()
            down.cancel()
