"""What the SSH libraries of these hosts make of keys and of servers."""

import sftp
from campaign import HOME, check
from host import TIMEOUTS, Host
from stores import ENV


def configure(host: Host, store: str) -> None:
    """A stream of its own to this store, and none else."""
    stream = f"  keyed: {{ logs: [{HOME}/log/keyed.csv], store: keyed, batch: {{ max_age: 500ms }} }}"
    host.write("/etc/navette/navette.yaml", f"host: {host.suite}\nlimits: {{ min_free: 0 }}\nstores:\n  keyed: {{ {store}, {TIMEOUTS} }}\nstreams:\n{stream}\n")


def key(host: Host, text: str) -> None:
    host.write("/etc/navette/keyed.secret", text)
    host.must("chown root:navette /etc/navette/keyed.secret && chmod 640 /etc/navette/keyed.secret")


def logs_in_by_an_rsa_key(host: Host) -> None:
    """Where the server takes SHA-1, a login by an RSA key works, and records are sent"""
    server = sftp.OldKey()
    try:
        key(host, server.secret)
        configure(host, f"url: '{server.url}', private_key: '${{file:/etc/navette/keyed.secret}}', host_key_sha256: '{server.pin}'")
        host.must("systemctl restart navette")
        host.append("keyed")
        wanted = list(range(1, host.written["keyed"] + 1))
        host.eventually("they are there", lambda: host.records_below(server.folder, "keyed") == wanted)
    finally:
        server.close()


def tells_what_its_ssh_cannot_do(host: Host) -> str | None:
    """A server or a key that this libssh2 can do nothing with is refused, with what to do"""
    if not host.old_ssh:
        return "this libssh2 stands on OpenSSL"
    current = sftp.Key(f"hosts-{host.suite}-current")
    try:
        store = f"url: '{current.url}{current.base}', host_key_sha256: 'SHA256:{current.pin}', "
        configure(host, store + "password: none")
        said = host.run("navette check --connect")
        check(said.code != 0 and "HostKeyAlgorithms +ssh-rsa" in said.out + said.err, said)
        key(host, current.secret)
        configure(host, store + "private_key: '${file:/etc/navette/keyed.secret}'")
        said = host.run("navette check --connect")
        check(said.code != 0 and "ssh-keygen -p" in said.out + said.err and "-m PEM" in said.out + said.err, said)
    finally:
        current.close()
    return None
