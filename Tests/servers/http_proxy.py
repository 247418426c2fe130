"""An HTTP proxy that wants a password: http_proxy.py USER PASSWORD

Prints its own port, then a line for each request: `CONNECT HOST:PORT` or `GET URL`, and `refused` where the password was
wrong. Ends when its standard input closes.
"""

import asyncio
import base64
import os
import sys
from urllib.parse import urlsplit

WANTED = "Basic " + base64.b64encode(":".join(sys.argv[1:3]).encode()).decode()


async def pump(reader, writer):
    try:
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        pass


async def serve(client, to_client):
    head = await client.readuntil(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    if headers.get("Proxy-Authorization") != WANTED:
        print("refused", flush=True)
        to_client.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await to_client.drain()
        return to_client.close()
    secrets = [name for name in headers if name.lower() in ("authorization", "x-amz-security-token")]
    print(method, target, "with " + ",".join(secrets) if method == "CONNECT" and secrets else "", flush=True)
    if method == "CONNECT":
        host, _, port = target.rpartition(":")
    else:
        url = urlsplit(target)
        host, port = url.hostname, url.port or 80
    server, to_server = await asyncio.open_connection(host.strip("[]"), int(port))
    if method == "CONNECT":
        to_client.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    else:
        path = url.path + ("?" + url.query if url.query else "")
        to_server.write(f"{method} {path} HTTP/1.1\r\n".encode())
        kept = [line for line in lines[1:] if line and not line.startswith("Proxy-")]
        to_server.write("\r\n".join(kept + ["Connection: close", "", ""]).encode())
    await asyncio.gather(pump(client, to_server), pump(server, to_client))
    for writer in (to_server, to_client):
        writer.close()


async def main():
    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(proxy.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
