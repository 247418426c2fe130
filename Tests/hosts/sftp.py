"""The SFTP servers that a host of this age can talk to, as the test sees them: folders on this machine."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

import openssh
from stores import ENV, SFTP

HERE = pathlib.Path(__file__).parent


class Key(SFTP):
    """OpenSSH as it comes, a login by an ed25519 key."""

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.whole = self.folder
        self.url = f"sftp://{ENV['NAVETTE_TEST_SFTP_USER']}@127.0.0.1:{self.port}"
        self.known_hosts = pathlib.Path(self.home, "known_hosts").read_text()
        self.pin, self.base = ENV["NAVETTE_TEST_SFTP_PIN"], self.folder
        self.login = "private_key: '${file:/etc/navette/sftp.secret}'"
        self.secret = pathlib.Path(self.home, "user").read_text()

    def close(self) -> None:
        shutil.rmtree(self.whole, ignore_errors=True)


class Password(SFTP):
    """
    A server that still signs with SHA-1, as libssh2 wants it where it stands on libgcrypt (Debian 11): that one knows neither ed25519 nor
    ECDSA. A login by password.
    """

    def __init__(self, prefix: str) -> None:
        # No super().__init__(): the folder is another.
        self.home = tempfile.mkdtemp(prefix="navette-hosts-")
        self.secret, self.folder = "right-password-of-the-test", f"{self.home}/{prefix}"
        os.makedirs(self.folder)
        words = [sys.executable, "-W", "ignore", HERE.parent / "servers/password_sftp.py", self.home, "carrier", self.secret, "sha1=1"]
        self.server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.server.stdout.readline())
        self.pin = self.server.stdout.readline().split()[1]
        self.known_hosts = f"[127.0.0.1]:{self.port} {self.server.stdout.readline()}"
        self.url, self.base = f"sftp://carrier@127.0.0.1:{self.port}", f"/{prefix}"
        self.login = "password: '${file:/etc/navette/sftp.secret}'"

    def close(self) -> None:
        self.server.stdin.close()
        self.server.wait()
        shutil.rmtree(self.home, ignore_errors=True)


class OldKey:
    """OpenSSH that takes SHA-1 with RSA, for its host key and for a login, as it did before 8.8; the key of the login is in PEM."""

    def __init__(self) -> None:
        self.home = tempfile.mkdtemp(prefix="navette-hosts-")
        self.folder = f"{self.home}/objects"
        os.mkdir(self.folder)
        openssh.keygen(f"{self.home}/host", "rsa")
        subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f", f"{self.home}/user"], check=True)
        shutil.copy(f"{self.home}/user.pub", f"{self.home}/authorized_keys")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        conf = openssh.configuration(self.home, "host", port)
        with open(conf, "a") as file:
            file.write("HostKeyAlgorithms +ssh-rsa\nPubkeyAcceptedAlgorithms +ssh-rsa\n")
        self.server = subprocess.Popen([openssh.SSHD, "-D", "-f", conf, "-E", f"{self.home}/log"])
        openssh.wait_until_ready(port, f"{self.home}/log")
        shown = subprocess.run(["ssh-keygen", "-l", "-f", f"{self.home}/host.pub"], check=True, capture_output=True, text=True)
        self.url, self.pin = f"sftp://{ENV['NAVETTE_TEST_SFTP_USER']}@127.0.0.1:{port}{self.folder}", shown.stdout.split()[1]
        self.secret = pathlib.Path(self.home, "user").read_text()

    def close(self) -> None:
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.home, ignore_errors=True)
