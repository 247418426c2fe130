"""An SFTP server that is not OpenSSH and takes a password: password_sftp.py FOLDER USER PASSWORD [OPTION…]

Prints its own port, then `pin` and the SHA-256 of its host key, then `login USER` for each login. Options: `quota=BYTES` for each
file, and what is more fails; `drop=BYTES`: the first upload that comes so far loses its connection; `lose=BYTES`: what lies beyond
is confirmed and not written; `rename=1`: the first rename is done, and its answer lost with the connection; `fsync=0`: unknown
here, `fsync=1`: it fails; `endless=1`: each folder has names without end, `endless=2`: each has a file `f` and a folder;
`sha1=1`: its host key is RSA and signs with SHA-1, as the oldest clients need it, and is printed whole
after the pin. Prints `fsync` for each that is done. Ends when its standard input closes.
"""

import asyncio
import os
import sys

import asyncssh

FOLDER, USER, PASSWORD = sys.argv[1:4]
OPTIONS = {name: int(value) for name, value in (option.split("=") for option in sys.argv[4:])}


class Login(asyncssh.SSHServer):
    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        good = username == USER and password == PASSWORD
        print("login" if good else "refused", username, flush=True)
        return good


class Folder(asyncssh.SFTPServer):
    def __init__(self, channel):
        super().__init__(channel, chroot=FOLDER)

    def write(self, file, offset, data):
        end = offset + len(data)
        if end > OPTIONS.get("quota", end):
            raise asyncssh.SFTPFailure("Disk quota exceeded")
        if "drop" in OPTIONS and end > OPTIONS["drop"]:
            del OPTIONS["drop"]
            self.connection.abort()
        if end > OPTIONS.get("lose", end):
            return len(data)
        return super().write(file, offset, data)

    def fsync(self, file):
        if OPTIONS.get("fsync") == 0:
            raise asyncssh.SFTPOpUnsupported("fsync is not known here")
        if OPTIONS.get("fsync") == 1:
            raise asyncssh.SFTPFailure("Input/output error")
        print("fsync", flush=True)
        return super().fsync(file)

    async def scandir(self, path):
        if "endless" not in OPTIONS:
            async for name in super().scandir(path):
                yield name
            return
        number = 0
        file = asyncssh.SFTPAttrs(type=asyncssh.FILEXFER_TYPE_REGULAR, permissions=0o100644, size=1)
        folder = asyncssh.SFTPAttrs(type=asyncssh.FILEXFER_TYPE_DIRECTORY, permissions=0o40755, size=1)
        while OPTIONS["endless"] == 1:
            number += 1
            name = f"{number:0200}".encode()
            yield asyncssh.SFTPName(name, b"-rw-r--r-- 1 0 0 1 Jan 1 1970 " + name, file)
        yield asyncssh.SFTPName(b"f", b"-rw-r--r-- 1 0 0 1 Jan 1 1970 f", file)
        name = b"d" * 100
        yield asyncssh.SFTPName(name, b"drwxr-xr-x 1 0 0 1 Jan 1 1970 " + name, folder)

    def rename(self, oldpath, newpath):
        super().rename(oldpath, newpath)
        if OPTIONS.pop("rename", None):
            self.connection.abort()


async def main():
    old = bool(OPTIONS.get("sha1"))
    key = asyncssh.generate_private_key("ssh-rsa" if old else "ssh-ed25519")
    signs = {"signature_algs": ["ssh-rsa"]} if old else {}
    server = await asyncssh.listen("127.0.0.1", 0, server_factory=Login, server_host_keys=[key], sftp_factory=Folder, **signs)
    print(server.sockets[0].getsockname()[1], flush=True)
    print("pin", key.get_fingerprint().removeprefix("SHA256:"), flush=True)
    if old:
        print(key.export_public_key().decode().strip(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
