"""A way to an S3 service that can be told to misbehave. HTTP/1.1 with Content-Length, one request at a time per connection.

  pass        faithful
  away        nobody answers: every connection is cut, at once and while it is used
  500, 503    the whole request is taken, thrown away, and answered with that status
  lost        the whole request is passed on, the answer is taken and never handed over
  cut         the connection is cut in the middle of the request's body
"""

import asyncio
import socket
import struct
import threading

ERROR = b"<Error><Code>%s</Code><Message>as the soak asked</Message></Error>"
CODES = {"500": (b"500 Internal Server Error", b"InternalError"), "503": (b"503 Service Unavailable", b"SlowDown")}


class BadStore:
    def __init__(self, upstream):
        self.upstream, self.mode = upstream, "pass"
        self.counts, self.writers = {}, set()
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        threading.Thread(target=self.run, args=(ready,), daemon=True).start()
        ready.wait()

    def run(self, ready):
        asyncio.set_event_loop(self.loop)

        async def main():
            server = await asyncio.start_server(self.serve, "127.0.0.1", 0, limit=1 << 20)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await asyncio.Event().wait()

        self.loop.run_until_complete(main())

    def set(self, mode):
        def change():
            self.mode = mode
            if mode == "away":
                for writer in list(self.writers):
                    self.cut(writer)

        self.loop.call_soon_threadsafe(change)

    def cut(self, writer):
        try:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass  # Closed by the other side already.
        writer.transport.abort()

    def count(self, mode):
        self.counts[mode] = self.counts.get(mode, 0) + 1

    async def serve(self, reader, writer):
        self.writers.add(writer)
        upstream = None
        try:
            while True:
                if self.mode == "away":
                    self.count("away")
                    return self.cut(writer)
                head = await reader.readuntil(b"\r\n\r\n")
                size = length(head)
                mode = self.mode if head.startswith(b"PUT ") or self.mode in ("away", "500", "503") else "pass"
                if mode == "cut" and size > 1:
                    await reader.readexactly(size // 2)
                    self.count(mode)
                    return self.cut(writer)
                body = await reader.readexactly(size)
                if mode in CODES:
                    status, code = CODES[mode]
                    text = b"" if head.startswith(b"HEAD ") else ERROR % code
                    writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(text), text))
                    await writer.drain()
                    self.count(mode)
                    continue
                if upstream is None:
                    upstream = await asyncio.open_connection("127.0.0.1", self.upstream)
                upstream[1].write(head + body)
                await upstream[1].drain()
                answer = await upstream[0].readuntil(b"\r\n\r\n")
                if b"transfer-encoding: chunked" in answer.lower():
                    raise ConnectionError("the service sends chunks")
                rest = 0 if head.startswith(b"HEAD ") or b" 204 " in answer[:16] else length(answer)
                answer += await upstream[0].readexactly(rest)
                if self.mode == "lost" and head.startswith(b"PUT "):
                    self.count("lost")
                    return self.cut(writer)
                writer.write(answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, ConnectionError):
            self.cut(writer)
        finally:
            self.writers.discard(writer)
            if upstream:
                upstream[1].close()


def length(head):
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
