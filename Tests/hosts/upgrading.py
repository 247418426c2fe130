"""What version 0.1 left on a host."""

import os
import re

from campaign import HOME, check
from host import STREAMS, Host
from promises import verified


def install(host: Host, package) -> None:
    (host.box.shared / "navette.deb").write_bytes(package.read_bytes())
    host.must("dpkg --install /box/navette.deb 2>&1", timeout=120)


def history(host: Host) -> set[str]:
    """The drops and batches that the ledger knows."""
    return set(re.findall(r'"id":"([^"]+)"', host.must("navette drops --json; navette batches --json")))


def upgrades(host: Host) -> str | None:
    """An upgrade from version 0.1, at work, keeps configuration, state and history, serves on, and sends nothing twice"""
    if not host.previous:
        return "there is no package of version 0.1"
    host.must("dpkg --purge navette 2>&1; rm -rf /var/lib/navette")
    (host.box.shared / "old.deb").write_bytes(host.previous.read_bytes())
    unpacked = host.run("dpkg --install /box/old.deb 2>&1", timeout=120)
    if unpacked.code != 0:
        wants = [line.strip() for line in unpacked.out.splitlines() if "depends on" in line]
        check(any("libc6" in line for line in wants), unpacked)
        host.must("dpkg --purge navette")
        return f"version 0.1 never ran there: {wants[0].rstrip('; however:')}"
    # Everything is new to the stores.
    fresh(host)
    host.secrets()
    host.configure()
    said = host.must("CREDENTIALS_DIRECTORY=/etc/navette/credentials navette check")
    host.drop_in("folders", "\n".join(line.strip() for line in said.splitlines() if line.startswith("  ")) + "\n")
    host.must("systemctl restart navette")
    for log in STREAMS:
        host.append(log, 50)
    text = host.drop("before.csv")
    host.handed_over("before.csv", text)
    host.everything_sent()
    host.must("cp /etc/navette/navette.yaml /box/before.yaml")
    before, agent = history(host), host.show("MainPID")
    check(any(name.startswith("opens-") for name in before), before)
    # While the package is taken in, logs are written.
    host.begin_writing()
    install(host, host.package)
    check(host.show("SubState") == "running" and host.show("MainPID") != agent, host.run("systemctl status navette"))
    host.must("cmp /etc/navette/navette.yaml /box/before.yaml")
    sealed = len(host.events("batch_sealed"))
    host.eventually("the new one makes batches", lambda: len(host.events("batch_sealed")) > sealed)
    host.end_writing()
    host.everything_sent(within=120)
    text = host.drop("after.csv")
    host.handed_over("after.csv", text)
    check(before <= history(host), "the history has lost", sorted(before - history(host)))
    check(not host.events("ledger_rebuilt"), "the ledger was made anew", host.recent())
    for stream in STREAMS:
        verified(host, stream)
    return None


def fresh(host: Host) -> None:
    host.must(f"rm -rf {HOME}/log/* {HOME}/import/*; rm -f /etc/systemd/system/navette.service.d/*; systemctl daemon-reload")
    host.written.clear()
    host.s3.prefix, host.azure.prefix = f"{host.s3.prefix}-0.1", f"{host.azure.prefix}-0.1"
    host.sftp.base, host.sftp.folder = f"{host.sftp.base}/0.1", f"{host.sftp.folder}/0.1"
    for name in ("pinned", "known", "in"):
        os.makedirs(f"{host.sftp.folder}/{name}")
