"""A SOCKS5 proxy without a password (RFC 1928): socks_proxy.py

Prints its own port, then `CONNECT KIND HOST:PORT` for each request, with `name` or `address` for the kind of the host: whoever asks by name
leaves its look-up to the proxy. A name leads to this machine. Ends when its standard input closes.
"""

import asyncio
import ipaddress
import os
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        pass


async def serve(client, to_client):
    _, count = await client.readexactly(2)
    await client.readexactly(count)
    to_client.write(b"\x05\x00")
    _, _, _, kind = await client.readexactly(4)
    if kind == 3:
        host = (await client.readexactly((await client.readexactly(1))[0])).decode()
    else:
        host = str(ipaddress.ip_address(await client.readexactly(4 if kind == 1 else 16)))
    port = int.from_bytes(await client.readexactly(2), "big")
    print("CONNECT", "name" if kind == 3 else "address", f"{host}:{port}", flush=True)
    server, to_server = await asyncio.open_connection("127.0.0.1" if kind == 3 else host, port)
    to_client.write(b"\x05\x00\x00\x01" + bytes(6))
    await asyncio.gather(pump(client, to_server), pump(server, to_client))
    for writer in (to_server, to_client):
        writer.close()


async def main():
    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(proxy.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
