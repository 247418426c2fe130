"""sshd with our own subsystem, behind a front that can lie before anybody is logged in."""

import base64
import getpass
import hashlib
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections import Counter

from wire import Hangup, Server, Talk

SSHD = "/usr/sbin/sshd"


def missing():
    return None if os.access(SSHD, os.X_OK) else f"there is no {SSHD}: run scripts/install-needs test"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Passing(Talk):
    """A connection that goes on to sshd."""

    def forward(self, upstream, most=None, reset=False):
        """Both ways, until the server has said `most` bytes: then nothing more, or the end."""
        said = 0
        while True:
            ready, _, _ = select.select([self.sock, upstream], [], [], 0.5)
            if self.server.ended:
                raise Hangup
            for one in ready:
                data = one.recv(65536)
                if not data:
                    raise Hangup
                if one is self.sock:
                    upstream.sendall(data)
                    continue
                if most is not None and said + len(data) >= most:
                    self.send(data[: most - said])
                    if reset:
                        self.reset()
                    self.hang()
                said += len(data)
                self.send(data)

    def other(self):
        with socket.create_connection(("127.0.0.1", self.server.other_port)) as upstream:
            self.forward(upstream)


class Front(Server):
    def __init__(self, port, other_port):
        super().__init__(None)
        self.real_port, self.other_port = port, other_port

    def one(self, sock):
        try:
            self.note(None)
            talk = Passing(self, sock)
            with socket.create_connection(("127.0.0.1", self.real_port)) as upstream:
                if self.lie and self.lie.raw:
                    self.lie.tell(talk, upstream)
                else:
                    talk.forward(upstream)
        except (Hangup, OSError):
            pass
        finally:
            sock.close()


class SFTPPlace:
    # One look at a folder is a dozen of them.
    quiet = 40
    busy = 1000

    def __init__(self, root, lie):
        self.home, self.port = f"{root}/sftp", free_port()
        os.makedirs(f"{self.home}/tree/store/drops")
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        for name in ("host", "other", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "liars", "-f", f"{self.home}/{name}"], check=True)
        os.rename(f"{self.home}/user.pub", f"{self.home}/authorized_keys")
        other_port = free_port()
        self.servers = [self.start("host", self.port), self.start("other", other_port)]
        self.front = Front(self.port, other_port)
        with open(f"{self.home}/host.pub", encoding="ascii") as file:
            blob = base64.b64decode(file.read().split()[1])
        self.pin = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")

    def start(self, key, port):
        path = f"{self.home}/{key}.conf"
        liar = f"{sys.executable} -SE {os.path.dirname(os.path.abspath(__file__))}/sftp_liar.py {self.home}"
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join([
                f"Port {port}", "ListenAddress 127.0.0.1", f"PidFile {self.home}/{key}.pid", f"HostKey {self.home}/{key}",
                f"AuthorizedKeysFile {self.home}/authorized_keys", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "PermitRootLogin yes",
                "KbdInteractiveAuthentication no", "MaxStartups 100", "UseDNS no", f"Subsystem sftp {liar}", ""]))
        process = subprocess.Popen([SSHD, "-D", "-f", path, "-E", f"{self.home}/{key}.log"])
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
                    if s.recv(4) == b"SSH-":
                        return process
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("sshd does not answer")

    def settings(self):
        return {"url": f"sftp://{getpass.getuser()}@127.0.0.1:{self.front.port}/store", "private_key": f"${{file:{self.home}/user}}", "host_key_sha256": self.pin,
                # A login takes a second where the machine is busy.
                "timeouts": {"connect": "3s", "stall": "2s"}}

    def tell(self, lie):
        self.front.lie = lie if lie and lie.raw else None
        with open(f"{self.home}/lie.new", "w", encoding="utf-8") as file:
            file.write(lie.name if lie and not lie.raw else "")
        os.rename(f"{self.home}/lie.new", f"{self.home}/lie")

    def put_good(self, data, key="drops/good.csv"):
        with open(f"{self.home}/tree/.new", "wb") as file:
            file.write(data)
        os.rename(f"{self.home}/tree/.new", f"{self.home}/tree/store/{key}")

    def batches(self):
        found, folder = {}, f"{self.home}/tree/store/out"
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if name.endswith(".gz"):
                with open(f"{folder}/{name}", "rb") as file:
                    found[f"out/{name}"] = file.read()
        return found

    def overwritten(self):
        return []

    def lines(self):
        try:
            with open(f"{self.home}/asked", encoding="utf-8") as file:
                return file.read().split()
        except OSError:
            return []

    def asked(self):
        return len(self.front.asked) + sum(1 for line in self.lines() if line not in ("read", "write", "close"))

    def most_asked(self):
        return Counter(self.lines()).most_common(4) + [("connections", len(self.front.asked))]

    def close(self):
        self.front.close()
        for process in self.servers:
            process.terminate()
