"""A machine of its own: this one's Debian, or an unpacked one, booted by systemd-nspawn over a throw-away overlay. Nothing is written
outside."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time


class CannotBoot(Exception):
    """Why a systemd cannot be booted on this machine."""


class Box:
    def __init__(self, tree: pathlib.Path = pathlib.Path("/"), own_network: bool = True) -> None:
        """
        own_network: False where it is to reach servers on this machine.
        Raises: CannotBoot.
        """
        if os.geteuid() != 0:
            raise CannotBoot("only root may boot it")
        if not shutil.which("systemd-nspawn"):
            raise CannotBoot("there is no systemd-nspawn (package systemd-container)")
        # A short path, and one that every user may walk through: the service's own user looks into it.
        self.shared = pathlib.Path(tempfile.mkdtemp(prefix="navette-box-", dir="/var/tmp"))
        self.shared.chmod(0o755)
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="navette-root-", dir="/run"))
        self.tree, self.own_network = tree, own_network
        self.nspawn: subprocess.Popen | None = None
        self.leader = ""
        try:
            self.boot()
        except BaseException:
            self.stop()
            raise

    def boot(self) -> None:
        # systemd-nspawn refuses `/` by that name.
        for words in (["mount", "--bind", self.tree, self.root], ["mount", "--make-private", self.root]):
            if subprocess.run(words, stderr=subprocess.DEVNULL).returncode != 0:
                raise CannotBoot("this machine lets nobody mount")
        console = (self.shared / "console").open("wb")
        machine = f"navette-{os.getpid()}"
        words = ["systemd-nspawn", "--quiet", "-D", self.root, "--volatile=overlay", "--register=no", "--keep-unit"]
        words += [f"--machine={machine}", "--link-journal=no", f"--bind={self.shared}:/box"]
        words += ["--private-network"] if self.own_network else []
        words += ["--console=pipe", "-b", "systemd.unit=basic.target"]
        self.nspawn = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env=dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1"),
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.nspawn.poll() is None:
            found = subprocess.run(["pgrep", "-P", str(self.nspawn.pid)], capture_output=True, text=True)
            self.leader = found.stdout.strip()
            if self.leader and self.run("systemctl is-system-running").out.strip() in ("running", "degraded"):
                return
            time.sleep(0.1)
        raise CannotBoot("systemd does not come up in a container here:\n" + self.console()[-1500:])

    def console(self) -> str:
        return (self.shared / "console").read_text(errors="replace")

    def run(self, command: str, timeout: float = 60) -> "Outcome":
        """A shell command inside."""
        # The caller's proxy, certificates and locale are no part of the box.
        words = ["nsenter", "-t", self.leader, "-a", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"]
        words += ["DEBIAN_FRONTEND=noninteractive", "SYSTEMD_PAGER=", "/bin/sh", "-c", command]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, errors="replace")
        except subprocess.TimeoutExpired as over:
            return Outcome(command, 124, str(over.stdout or ""), f"still running after {timeout} s")
        return Outcome(command, done.returncode, done.stdout, done.stderr)

    def stop(self) -> None:
        if self.nspawn and self.nspawn.poll() is None:
            self.nspawn.send_signal(signal.SIGTERM)
            try:
                self.nspawn.wait(20)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        subprocess.run(["umount", "-l", self.root], stderr=subprocess.DEVNULL)
        self.root.rmdir()
        shutil.rmtree(self.shared, ignore_errors=True)


class Outcome:
    def __init__(self, command: str, code: int, out: str, err: str) -> None:
        self.command, self.code, self.out, self.err = command, code, out, err

    def __str__(self) -> str:
        return f"$ {self.command}\n{self.out}{self.err}[exit {self.code}]"
