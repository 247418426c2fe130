"""An SFTP server as partners run them: partner_sftp.py FOLDER USER PASSWORD [OPTION…]

Prints its own port, then `key KIND BASE64` for each of its host keys. Options: `keys=KIND,KIND`: ed25519, ecdsa or rsa; `ask=COUNT`: the
login is by questions, one after the other, and each takes the password; `ask=2` at once with `together=1`; `box=1`: a drop box, in which
nothing may be looked at, listed, read or made durable. A path without a slash in front begins at /home/USER. Prints `open MODE` and
`mkdir MODE` for what it is asked to make. Ends when its standard input closes.
"""

import asyncio
import os
import sys

import asyncssh

FOLDER, USER, PASSWORD = sys.argv[1:4]
OPTIONS = dict(option.split("=") for option in sys.argv[4:])
ASK, TOGETHER, BOX = int(OPTIONS.get("ask", 0)), "together" in OPTIONS, "box" in OPTIONS
KINDS = {"ed25519": "ssh-ed25519", "ecdsa": "ecdsa-sha2-nistp256", "rsa": "ssh-rsa"}
os.umask(0)


class Login(asyncssh.SSHServer):
    def __init__(self):
        self.answered = 0

    def password_auth_supported(self):
        return ASK == 0

    def validate_password(self, username, password):
        return (username, password) == (USER, PASSWORD)

    def kbdint_auth_supported(self):
        return ASK > 0

    def get_kbdint_challenge(self, username, lang, submethods):
        return "", "", "", [("Password: ", False)] * (ASK if TOGETHER else 1)

    def validate_kbdint_response(self, username, responses):
        print("answers", len([answer for answer in responses if answer]), flush=True)
        self.answered += 1
        if any(answer != PASSWORD for answer in responses):
            return False
        if not TOGETHER and self.answered < ASK:
            return "", "", "", [("Code: ", False)]
        return True


def forbidden():
    raise asyncssh.SFTPPermissionDenied("not here")


class Folder(asyncssh.SFTPServer):
    def __init__(self, channel):
        super().__init__(channel, chroot=FOLDER)

    def map_path(self, path):
        return super().map_path(path if path.startswith(b"/") else b"/home/" + USER.encode() + b"/" + path)

    def open(self, path, pflags, attrs):
        if BOX and pflags & asyncssh.FXF_READ:
            forbidden()
        if attrs.permissions is not None:
            print(f"open {attrs.permissions & 0o7777:o}", flush=True)
        return super().open(path, pflags, attrs)

    def mkdir(self, path, attrs):
        if attrs.permissions is not None:
            print(f"mkdir {attrs.permissions & 0o7777:o}", flush=True)
        return super().mkdir(path, attrs)

    def stat(self, path):
        return forbidden() if BOX else super().stat(path)

    def lstat(self, path):
        return forbidden() if BOX else super().lstat(path)

    def fstat(self, file):
        return forbidden() if BOX else super().fstat(file)

    def fsync(self, file):
        return forbidden() if BOX else super().fsync(file)

    async def scandir(self, path):
        if BOX:
            forbidden()
        async for name in super().scandir(path):
            yield name


async def main():
    kinds = [KINDS[name] for name in OPTIONS.get("keys", "ed25519").split(",")]
    keys = [asyncssh.generate_private_key(kind) for kind in kinds]
    os.makedirs(f"{FOLDER}/home/{USER}", exist_ok=True)
    server = await asyncssh.listen("127.0.0.1", 0, server_factory=Login, server_host_keys=keys, sftp_factory=Folder)
    print(server.sockets[0].getsockname()[1], flush=True)
    for key in keys:
        print("key", key.export_public_key().decode().strip(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
