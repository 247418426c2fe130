"""A Campaign host of a certain age, and the stores that it reaches."""

import base64
import gzip
import os
import pathlib
import time
import urllib.parse

import sftp
from box import Box
from campaign import HOME, Broken, Site
from stores import ENV, S3, Azure, sweep

# What stands in the configuration for each store, and who is asked what it holds. The two names of SFTP are two folders of one server.
STREAMS = {"opens": ("s3", "azure"), "clicks": ("pinned", "known")}
# Writes a log until it is told to end. It opens the log anew for each record, as a writer must where logs are renamed under it.
WRITER = f"""\
number=$2
while [ ! -e /run/enough ]; do
  number=$((number + 1))
  echo "$number,while something happens" >>{HOME}/log/$1.csv
  if [ $((number % 20)) -eq 0 ]; then sleep 0.05; fi
done
echo $number >/run/last/$1
"""
TIMEOUTS = "timeouts: { connect: 5s, stall: 10s }"


class Host(Site):
    def __init__(self, box: Box, suite: str, package: pathlib.Path, previous: pathlib.Path | None) -> None:
        super().__init__(box, package, previous, pathlib.Path())
        self.suite, self.kept = suite, 0
        mark = f"hosts-{suite}-{os.getpid()}-{int(time.time())}"
        self.s3, self.azure = S3(f"{mark}/s3"), Azure(f"{mark}/azure")
        # On libgcrypt it has no key exchange, host key or login of a current server's.
        self.old_ssh = self.run("ldd /usr/lib/*/libssh2.so.1 | grep -q libgcrypt").code == 0
        self.sftp = (sftp.Password if self.old_ssh else sftp.Key)(f"hosts-{suite}")
        for name in ("pinned", "known", "wrong", "in"):
            os.makedirs(f"{self.sftp.folder}/{name}")
        # Where the journal was when the service first started with its configuration.
        self.configured = ""

    def close(self) -> None:
        for store in (self.s3, self.azure):
            sweep(store)
        self.sftp.close()

    def systemd(self) -> int:
        return int(self.must("systemctl --version").split()[1])

    # Configuration

    def store(self, name: str) -> str:
        if name == "s3":
            # HTTPS, so that the host's own libssl is tried; what is asked in other ways is another front of the same server.
            where = f"endpoint: '{ENV['NAVETTE_TEST_S3_TLS']}', ca_file: /etc/navette/ca.pem, region: {self.s3.region}"
            keys = "access_key_id: '${credential:key-id}', secret_access_key: '${credential:secret}'"
            return f"url: 's3://{ENV['NAVETTE_TEST_S3_BUCKET']}/{self.s3.prefix}', {where}, force_path_style: true, {keys}"
        if name == "azure":
            account = self.azure.account
            where = f"url: 'azblob://{account}/{ENV['NAVETTE_TEST_AZURE_CONTAINER']}/{self.azure.prefix}'"
            return f"{where}, endpoint: 'http://127.0.0.1:{self.azure.port}/{account}', account_key: '${{credential:account}}'"
        keys = {"known": "known_hosts: /etc/navette/known_hosts", "wrong": f"host_key_sha256: 'SHA256:{WRONG}'"}
        pin = f"host_key_sha256: 'SHA256:{self.sftp.pin}'"
        return f"url: '{self.sftp.url}{self.sftp.base}/{name}', {self.sftp.login}, {keys.get(name, pin)}"

    def configure(self, feeds: str = "", streams: str = "", more: str = "") -> None:
        names = ["s3", "azure", "pinned", "known", "in"] + (["wrong"] if "wrong" in streams else [])
        text = f"host: {self.suite}\nlimits: {{ min_free: 0 }}\nstores:\n"
        text += "".join(f"  {name}: {{ {self.store(name)}, {TIMEOUTS} }}\n" for name in names)
        feed = f"{{ landing: {HOME}/landing%s, handover: {HOME}/import%s, ready: {{ settle: 200ms }}%s }}"
        text += "feeds:\n  audiences: " + feed % ("", "", feeds) + "\n"
        for name, store, prefix in (("fetched", "s3", ", prefix: in/"), ("drawn", "in", "")):
            text += f"  {name}: " + feed % (f"-{name}", f"-{name}", f", pull: {{ store: {store}{prefix}, every: 1s, after: delete }}") + "\n"
        text += "streams:\n"
        for name, stores in STREAMS.items():
            text += f"  {name}: {{ logs: [{HOME}/log/{name}.csv], store: [{', '.join(stores)}], batch: {{ max_age: 500ms }} }}\n"
        self.write("/etc/navette/navette.yaml", text + streams + more)

    def secrets(self) -> None:
        """By credentials of systemd, and by a file that only root may write and the agent's group read."""
        secrets = {"key-id": ENV["NAVETTE_TEST_S3_KEY_ID"], "secret": ENV["NAVETTE_TEST_S3_SECRET"], "account": ENV["NAVETTE_TEST_AZURE_KEY"]}
        self.must("install -d -m 700 /etc/navette/credentials")
        for name, text in secrets.items():
            self.write(f"/etc/navette/credentials/{name}", text)
        self.must("chmod 600 /etc/navette/credentials/*")
        lines = [f"LoadCredential={name}:/etc/navette/credentials/{name}" for name in secrets]
        self.drop_in("credentials", "\n".join(["[Service]", *lines]) + "\n")
        self.write("/etc/navette/sftp.secret", self.sftp.secret)
        self.must("chown root:navette /etc/navette/sftp.secret && chmod 640 /etc/navette/sftp.secret")
        self.write("/etc/navette/known_hosts", self.sftp.known_hosts)
        self.write("/etc/navette/ca.pem", pathlib.Path(ENV["NAVETTE_TEST_S3_CA"]).read_text())

    def navette(self, command: str) -> str:
        """The credentials of systemd are for the service alone; who runs as root is lent them."""
        return self.must(f"CREDENTIALS_DIRECTORY=/run/credentials/navette.service navette {command}", timeout=120)

    def eventually(self, what: str, condition, within: float = 60) -> None:
        super().eventually(what, condition, within)

    def handed_over(self, name: str, text: str, folder: str = "import", within: float = 60) -> None:
        super().handed_over(name, text, folder, within)

    # Logs that are written meanwhile

    def begin_writing(self) -> None:
        self.write("/run/write", WRITER)
        self.must("rm -f /run/enough; install -d -o campaign /run/last")
        for log in STREAMS:
            own = f"--unit=write-{log} --collect -p User=campaign -p UMask=0007"
            self.must(f"systemd-run --quiet {own} /bin/sh /run/write {log} {self.written[log]}")

    def end_writing(self) -> None:
        self.must("touch /run/enough")
        for log in STREAMS:
            self.eventually("the writer ends", lambda: self.run(f"systemctl is-active write-{log}").out.strip() != "active")
            self.written[log] = int(self.must(f"cat /run/last/{log}"))

    # What the stores hold

    def objects(self, store: str) -> dict[str, bytes]:
        """The batches in it, under their names."""
        if store == "s3":
            # Signed is what is sent: `dt=2026-03-12` as a part of a key is not.
            names, read = self.s3.names, lambda name: self.s3.read(urllib.parse.quote(name))
        elif store == "azure":
            names, read = self.azure.names, self.azure.read
        else:
            return files(pathlib.Path(self.sftp.folder, store))
        return {name: read(name) for name in sorted(names()) if name.endswith(".gz")}

    def records(self, store: str, log: str) -> list[int]:
        return numbers(self.objects(store), log)

    def records_below(self, folder: str, log: str) -> list[int]:
        return numbers(files(pathlib.Path(folder)), log)

    def everything_sent(self, within: float = 60) -> None:
        """Each record of each stream is in each of its stores, once."""
        for log, names in STREAMS.items():
            wanted = list(range(1, self.written[log] + 1))
            for name in names:
                self.eventually(f"{len(wanted)} records of {log} are in {name}", lambda: len(self.records(name, log)) >= len(wanted), within)
                found = self.records(name, log)
                if found != wanted:
                    missing, twice = sorted(set(wanted) - set(found)), len(found) - len(set(found))
                    raise Broken(f"of {log} in {name}: missing {missing[:20]}, {twice} there twice")


def files(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.gz")}


def numbers(objects: dict[str, bytes], log: str) -> list[int]:
    texts = [gzip.decompress(body).decode() for name, body in objects.items() if f"{log}/" in name]
    return sorted(int(line.split(",")[0]) for text in texts for line in text.splitlines() if not line.startswith("id,"))


# Of no key.
WRONG = base64.b64encode(bytes(32)).decode().rstrip("=")
