"""An SFTP server that is not OpenSSH and takes a password: password_sftp.py FOLDER USER PASSWORD [OPTION…]

Prints its own port, then `pin` and the SHA-256 of its host key, then `login USER` for each login. Options: `quota=BYTES` for each
file, and what is more fails; `drop=BYTES`: the first upload that comes so far loses its connection; `lose=BYTES`: what lies beyond
is confirmed and not written; `rename=1`: the first rename is done, and its answer lost with the connection; `fsync=0`: unknown
here, `fsync=1`: it fails, `fsync=2`: it is forbidden; `endless=1`: each folder has names without end, `endless=2`: each has a file
`f` and a folder;
`long=1` to `long=4`: the text of a list that is for people has the name alone, is as on Windows, has owners with blanks, is empty;
`bare=1`: a list tells names alone, and no attributes; `odd=1`: it has names twice, none, and with slashes; `more=BYTES`: it and a
look at a file tell so many too much; what is called `shut…` cannot be opened or listed, what is called `hang…` never answers;
`deaf=1`: with the first look at a file the connection ends;
`swap=1`: before the first rename, other content with as many bytes takes the file's place, a moment later by its time;
`over=1`: a rename replaces what is there; `questions=1`: the login asks twice, and prints how long each answer was;
`keys=2`: it has host keys of two types, and the pin is that of the second;
`sha1=1`: its host key is RSA and signs with SHA-1, as the oldest clients need it, and is printed whole
after the pin. Prints `fsync` for each that is done. Ends when its standard input closes.
"""

import asyncio
import os
import sys

import asyncssh

FOLDER, USER, PASSWORD = sys.argv[1:4]
os.umask(0)
OPTIONS = {name: int(value) for name, value in (option.split("=") for option in sys.argv[4:])}


class Login(asyncssh.SSHServer):
    answers = 0

    def password_auth_supported(self):
        return "questions" not in OPTIONS

    def kbdint_auth_supported(self):
        return "questions" in OPTIONS

    def get_kbdint_challenge(self, username, lang, submethods):
        return "", "", "", [("Password: ", False)]

    def validate_kbdint_response(self, username, responses):
        self.answers += 1
        print("answer", self.answers, len(responses[0]), flush=True)
        if self.answers == 1 and responses[0] == PASSWORD:
            return "", "", "", [("Code: ", False)]
        return False

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
        if OPTIONS.get("fsync") == 2:
            raise asyncssh.SFTPPermissionDenied("fsync is forbidden here")
        if OPTIONS.get("fsync") == 1:
            raise asyncssh.SFTPFailure("Input/output error")
        print("fsync", flush=True)
        return super().fsync(file)

    def open(self, path, pflags, attrs):
        if os.path.basename(path.rstrip(b"/")).startswith(b"shut"):
            raise asyncssh.SFTPFailure("Device or resource busy")
        return super().open(path, pflags, attrs)

    def stat(self, path):
        if OPTIONS.pop("deaf", None):
            self.connection.abort()
        return self.raised(super().stat(path))

    def fstat(self, file):
        return self.raised(super().fstat(file))

    def raised(self, attrs):
        if not isinstance(attrs, asyncssh.SFTPAttrs):
            attrs = asyncssh.SFTPAttrs.from_local(attrs)
        if "more" in OPTIONS and attrs.type == asyncssh.FILEXFER_TYPE_REGULAR:
            attrs.size += OPTIONS["more"]
        return attrs

    async def scandir(self, path):
        folder = os.path.basename(path.rstrip(b"/"))
        if folder.startswith(b"shut"):
            raise asyncssh.SFTPFailure("Input/output error")
        while folder.startswith(b"hang"):
            print("hang", flush=True)
            await asyncio.sleep(3600)
        if "endless" not in OPTIONS:
            async for name in super().scandir(path):
                yield self.shown(name)
                if "odd" in OPTIONS:
                    yield self.shown(name)
            if "odd" in OPTIONS:
                kind = asyncssh.FILEXFER_TYPE_REGULAR
                file = asyncssh.SFTPAttrs(type=kind, permissions=0o100644, size=1, atime=1, mtime=1)
                for name in b"", b"a/b", b"../up", b"n" * 300, b"l" * 9000:
                    yield asyncssh.SFTPName(name, b"?", file)
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

    def shown(self, name):
        owners = b"-rw-r--r--   1 Domain Users BUILTIN Admins  12 Jan  1 00:00 "
        texts = {1: name.filename, 2: b"01-01-26  12:00AM  12 " + name.filename, 3: owners + name.filename, 4: b""}
        text = texts.get(OPTIONS.get("long"), name.longname)
        attrs = asyncssh.SFTPAttrs() if "bare" in OPTIONS else self.raised(name.attrs)
        return asyncssh.SFTPName(name.filename, text, attrs)

    def rename(self, oldpath, newpath):
        if OPTIONS.pop("swap", None):
            path = self.map_path(oldpath)
            info = os.stat(path)
            with open(path + b".new", "wb") as file:
                file.write(b"x" * info.st_size)
            os.utime(path + b".new", (info.st_mtime + 1, info.st_mtime + 1))
            os.rename(path + b".new", path)
        if "over" in OPTIONS:
            os.replace(self.map_path(oldpath), self.map_path(newpath))
        else:
            super().rename(oldpath, newpath)
        if OPTIONS.pop("rename", None):
            self.connection.abort()


async def main():
    old = bool(OPTIONS.get("sha1"))
    key = asyncssh.generate_private_key("ssh-rsa" if old else "ssh-ed25519")
    signs = {"signature_algs": ["ssh-rsa"]} if old else {}
    keys = [key, asyncssh.generate_private_key("ecdsa-sha2-nistp256")] if "keys" in OPTIONS else [key]
    server = await asyncssh.listen("127.0.0.1", 0, server_factory=Login, server_host_keys=keys, sftp_factory=Folder, **signs)
    print(server.sockets[0].getsockname()[1], flush=True)
    print("pin", keys[-1].get_fingerprint().removeprefix("SHA256:"), flush=True)
    if old:
        print(key.export_public_key().decode().strip(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
