"""OpenSSH servers for the tests: one with an ed25519 host key, one that has only an RSA key. See servers.py.

As root they serve root, as any other user that user; a login is by key. Everything lies below DATA/sftp.
"""

import base64
import getpass
import hashlib
import os
import socket
import subprocess
import time

SSHD = "/usr/sbin/sshd"
PASSPHRASE = "navette-test-passphrase"


def keygen(path, kind, passphrase=""):
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "navette test", "-f", path], check=True)


def configuration(home, name, port):
    path = f"{home}/{name}.conf"
    with open(path, "w") as f:
        f.write("\n".join([
            f"Port {port}", "ListenAddress 127.0.0.1", f"PidFile {home}/{name}.pid", f"HostKey {home}/{name}",
            f"AuthorizedKeysFile {home}/authorized_keys", "StrictModes no", "UsePAM no", "PasswordAuthentication yes",
            "KbdInteractiveAuthentication no", "MaxStartups 100", "UseDNS no", "Subsystem sftp internal-sftp", ""]))
    return path


def small_disk(home):
    """A full disk needs a small one, and a small one needs root."""
    os.mkdir(f"{home}/small")
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=755", "none", f"{home}/small"]
    return f"{home}/small" if subprocess.run(mount, capture_output=True).returncode == 0 else ""


def start(spawn, data, port, rsa_port):
    """Starts them; answers with the environment for the tests."""
    if not os.path.exists(SSHD):
        raise RuntimeError(f"there is no {SSHD}: run scripts/install-needs test")
    home = f"{data}/sftp"
    os.mkdir(home)
    os.mkdir(f"{home}/objects")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    keygen(f"{home}/host", "ed25519")
    keygen(f"{home}/rsa-host", "rsa")
    keygen(f"{home}/user", "ed25519")
    keygen(f"{home}/locked", "ed25519", PASSPHRASE)
    keygen(f"{home}/rsa", "rsa")
    keygen(f"{home}/stranger", "ed25519")
    with open(f"{home}/authorized_keys", "w") as keys:
        for name in ("user", "locked", "rsa"):
            with open(f"{home}/{name}.pub") as f:
                keys.write(f.read())
    with open(f"{home}/host.pub") as f:
        kind, blob = f.read().split()[:2]
    with open(f"{home}/stranger.pub") as f:
        other = f.read().split()[1]
    for name, key in (("known_hosts", blob), ("other_hosts", other)):
        with open(f"{home}/{name}", "w") as f:
            f.write(f"[127.0.0.1]:{port} {kind} {key}\n")
    open(f"{home}/no_hosts", "w").close()
    for name, its_port in (("host", port), ("rsa-host", rsa_port)):
        # The path is absolute and it stays in the foreground: sshd starts itself anew for each connection.
        spawn(f"sshd-{name}", [SSHD, "-D", "-f", configuration(home, name, its_port), "-E", f"{home}/{name}.log"])
        wait_until_ready(its_port, f"{home}/{name}.log")
    return {
        "NAVETTE_TEST_SFTP_PORT": port, "NAVETTE_TEST_SFTP_RSA_PORT": rsa_port,
        "NAVETTE_TEST_SFTP_USER": getpass.getuser(), "NAVETTE_TEST_SFTP_DIR": home,
        "NAVETTE_TEST_SFTP_PASSPHRASE": PASSPHRASE, "NAVETTE_TEST_SFTP_SMALL": small_disk(home),
        "NAVETTE_TEST_SFTP_PIN": base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode().rstrip("="),
    }


def wait_until_ready(port, log):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
                if s.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        time.sleep(0.05)
    with open(log, errors="replace") as f:
        raise RuntimeError(f"sshd did not get ready:\n{f.read()[-2000:]}")


def stop(data):
    if os.path.ismount(f"{data}/sftp/small"):
        subprocess.run(["umount", "-l", f"{data}/sftp/small"], check=False)
