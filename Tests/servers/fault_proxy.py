"""A TCP proxy that misbehaves: fault_proxy.py UPSTREAM_PORT MODE…

Prints its own port. The first connection gets the first mode, the second the second, and all after the last `pass`.
  pass            faithful
  cut-request:N   both sides are cut once N bytes of the request have passed
  drop-reply      the whole request passes; at the first byte of the answer both sides are cut
  cut-reply:N     both sides are cut once N bytes of the answer have passed
  freeze-reply:N  N bytes of the answers pass, then nothing more, and nobody hangs up
  freeze-request:N  likewise, of the requests
  slow:N          N bytes of requests a second
  stall           nothing passes, and nobody hangs up
  drop-reply-to:T the answer to the request that holds the text T is dropped, and both sides are cut
A first mode `listen=HOST` is where it listens. Prints `up N` when a connection ends that carried N bytes of requests.
Ends when its standard input closes.
"""

import asyncio
import os
import socket
import struct
import sys

UPSTREAM, MODES = int(sys.argv[1]), sys.argv[2:]
HOST = MODES.pop(0).partition("=")[2] if MODES and MODES[0].startswith("listen=") else "127.0.0.1"
RESET = struct.pack("ii", 1, 0)


def cut(*writers):
    for writer in writers:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()


class Watch:
    """For a text in the requests, whose answer is dropped."""

    def __init__(self, text=None):
        self.text, self.seen = text, False


async def pump(reader, writer, limit, both, watch, up=False, freeze=False, rate=None):
    passed = 0
    if rate:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    while data := await reader.read(rate // 20 if rate else 64 * 1024):
        await asyncio.sleep(len(data) / rate if rate else 0)
        if watch.seen and not up:
            return cut(*both)
        watch.seen = watch.seen or (up and watch.text is not None and watch.text.encode() in data)
        if freeze and passed + len(data) > limit:
            await asyncio.sleep(3600)
        if limit is not None and passed + len(data) > limit:
            writer.write(data[: limit - passed])
            if limit > passed:
                await writer.drain()
            return cut(*both)
        passed += len(data)
        writer.write(data)
        await writer.drain()
    writer.write_eof()
    if up:
        print("up", passed, flush=True)


async def serve(client, to_client):
    name, _, number = (MODES.pop(0) if MODES else "pass").partition(":")
    if name == "stall":
        await asyncio.sleep(3600)
    server, to_server = await asyncio.open_connection("127.0.0.1", UPSTREAM)
    both = (to_server, to_client)
    watch = Watch(number if name == "drop-reply-to" else None)
    most = 0 if watch.text is not None else int(number or 0)
    limits = {"cut-request": (most, None), "cut-reply": (None, most), "drop-reply": (None, 0),
              "freeze-reply": (None, most), "freeze-request": (most, None)}
    up, down = limits.get(name, (None, None))
    try:
        await asyncio.gather(
            pump(client, to_server, up, both, watch, True, name == "freeze-request",
                 int(number) if name == "slow" else None),
            pump(server, to_client, down, both, watch, False, name == "freeze-reply"))
    except OSError:
        pass
    for writer in both:
        writer.close()


async def main():
    # A slow reader takes little ahead.
    proxy = await asyncio.start_server(serve, HOST, 0, limit=8192 if "slow" in str(MODES) else 64 * 1024)
    print(proxy.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    proxy.close()
    os._exit(0)


asyncio.run(main())
