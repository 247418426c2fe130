"""Starts and ends the S3, Azure and SFTP servers for the tests: servers.py start|stop|running HOME VENV.

HOME holds `pids` (pid and kernel start time of each, so that only our own processes are ever killed), `env` (for the
tests) and `data` (the path of the temporary folder with data, logs and certificates).
"""

import base64
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import openssh
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY, SECRET, REGION, BUCKET = "AKIANAVETTETEST00001", "navette-test-secret-0001", "eu-west-1", "navette-test"
READER, READER_SECRET = "AKIANAVETTETEST00002", "navette-test-secret-0002"
WRITER = "AKIANAVETTETEST00003"  # with the reader's secret
AZURE, AZURE_KEY = "navettetest", base64.b64encode(b"navette-test-azure-key-0001").decode()
AZURE_CONTAINER, AZURE_TOKEN = "navette-test", "navette-test-bearer-token-0001"
PORTS = 14
# The folder that rclone serves holds a folder for each bucket.
RCLONE_BUCKET = "navette-test-rclone"


def started(pid):
    """When the process began, in kernel ticks; None where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return None if fields[0] == "Z" else fields[19]
    except OSError:
        return None


def alive(home):
    try:
        with open(f"{home}/pids") as f:
            return [(int(p), s) for p, s in (line.split() for line in f) if started(int(p)) == s]
    except OSError:
        return []


def running(home):
    """All of them, with their data: somebody may have swept /tmp."""
    try:
        with open(f"{home}/data") as f:
            data = f.read()
        with open(f"{home}/pids") as f:
            return len(alive(home)) == len(f.readlines()) and os.path.isdir(data) and os.path.exists(f"{home}/env")
    except OSError:
        return False


def free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def ports():
    base = int(os.environ.get("NAVETTE_TEST_PORTS", "28540"))
    for first in range(base, base + 400, 20):
        if all(free(first + i) for i in range(PORTS)):
            return range(first, first + PORTS)
    sys.exit(f"test-servers: no free ports from {base} on; set NAVETTE_TEST_PORTS")


def certificates(data):
    """A private CA with a certificate for 127.0.0.1, and another CA that has signed nothing here."""

    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, cwd=data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for name in ("ca", "other-ca"):
        openssl("req", "-x509", *curve, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "30",
                "-subj", f"/CN=navette test {name}")
    with open(f"{data}/san", "w") as f:
        f.write("subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:s3.localhost,DNS:*.s3.localhost\n")
    openssl("req", "-new", *curve, "-keyout", "srv.key", "-out", "srv.csr", "-subj", "/CN=127.0.0.1")
    openssl("x509", "-req", "-in", "srv.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "30", "-extfile", "san", "-out", "srv.pem")
    with open(f"{data}/other-san", "w") as f:
        f.write("subjectAltName=DNS:elsewhere.example.net\n")
    for name, days, names in (("expired", "-1", "san"), ("elsewhere", "30", "other-san")):
        openssl("x509", "-req", "-in", "srv.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", days, "-extfile", names, "-out", f"{name}.pem")


def spawn(home, data, name, words, **variables):
    with open(f"{data}/{name}.log", "wb") as log:
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=data,
                                 start_new_session=True, env={**os.environ, **variables})
    with open(f"{home}/pids", "a") as f:
        f.write(f"{child.pid} {started(child.pid)}\n")
    return child


def signed(method, url, body=b""):
    request = AWSRequest(method, url, data=body)
    S3SigV4Auth(Credentials(KEY, SECRET), "s3", REGION).add_auth(request)
    plain = urllib.request.Request(url, data=body if method == "PUT" else None, method=method,
                                   headers=dict(request.headers))
    with urllib.request.urlopen(plain, timeout=5) as answer:
        return answer.status


def wait_until_ready(endpoint, child, log, bucket=BUCKET):
    """The port opens seconds before a volume can take bytes: only a written object proves readiness."""
    deadline, last = time.monotonic() + 40, None
    while time.monotonic() < deadline:
        if child.poll() is not None:
            break
        try:
            try:
                signed("PUT", f"{endpoint}/{bucket}")
            except urllib.error.HTTPError as error:
                if error.code != 409:
                    raise
            signed("PUT", f"{endpoint}/{bucket}/ready", b"ready")
            signed("DELETE", f"{endpoint}/{bucket}/ready")
            return
        except (OSError, urllib.error.URLError) as error:
            last = error
            time.sleep(0.1)
    with open(log, errors="replace") as f:
        tail = "".join(f.readlines()[-15:])
    raise RuntimeError(f"{endpoint} did not get ready: {last}\n{tail}")


def start_azure(home, data, here, port):
    """Answers with the environment for the tests, once Microsoft's client has made a container."""
    endpoint = f"http://127.0.0.1:{port}/{AZURE}"
    spawn(home, data, "azure", [sys.executable, f"{here}/azure_blob.py", str(port), AZURE, AZURE_KEY, AZURE_TOKEN])
    client = [sys.executable, f"{here}/azure_client.py", "create", endpoint, AZURE, AZURE_KEY, AZURE_CONTAINER]
    made = subprocess.run(client, capture_output=True, text=True)
    if made.returncode != 0:
        with open(f"{data}/azure.log") as f:
            raise RuntimeError(f"{endpoint} did not get ready: {made.stderr[-1000:]}\n{f.read()[-1000:]}")
    return {
        "NAVETTE_TEST_AZURE": endpoint, "NAVETTE_TEST_AZURE_ACCOUNT": AZURE, "NAVETTE_TEST_AZURE_KEY": AZURE_KEY,
        "NAVETTE_TEST_AZURE_CONTAINER": AZURE_CONTAINER, "NAVETTE_TEST_AZURE_TOKEN": AZURE_TOKEN,
    }


def start(home, venv):
    if running(home):
        print("test-servers: already running", file=sys.stderr)
        return
    stop(home)
    os.makedirs(home)
    data = tempfile.mkdtemp(prefix="navette-servers.")
    with open(f"{home}/data", "w") as f:
        f.write(data)
    p = ports()
    with open(f"{home}/ports", "w") as f:
        f.write(" ".join(map(str, p)))
    certificates(data)
    os.mkdir(f"{data}/objects")
    with open(f"{data}/s3.json", "w") as f:
        everything = ["Admin", "Read", "List", "Tagging", "Write"]
        json.dump({"identities": [
            {"name": "agent", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": everything},
            {"name": "reader", "credentials": [{"accessKey": READER, "secretKey": READER_SECRET}],
             "actions": ["Read", "List"]},
            {"name": "writer", "credentials": [{"accessKey": WRITER, "secretKey": READER_SECRET}],
             "actions": ["Write"]},
        ], "kms": {"default_provider": "l", "providers": {"l": {"type": "local", "enableOnDemandCreate": True}}}}, f)
    weed = spawn(home, data, "weed", [
        f"{venv}/bin/weed", "server", f"-dir={data}/objects", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-master.telemetry=false", f"-master.port={p[3]}", f"-master.port.grpc={p[4]}", f"-volume.port={p[5]}",
        f"-volume.port.grpc={p[6]}", "-filer", f"-filer.port={p[7]}", f"-filer.port.grpc={p[8]}",
        f"-filer.localSocket={data}/filer.sock", "-master.electionTimeout=1s", "-master.heartbeatInterval=100ms",
        "-volume.max=100", "-master.volumeSizeLimitMB=64", "-s3", f"-s3.config={data}/s3.json",
        f"-s3.port={p[0]}", f"-s3.port.https={p[1]}", f"-s3.port.grpc={p[9]}", f"-s3.cert.file={data}/srv.pem",
        f"-s3.key.file={data}/srv.key", "-s3.domainName=s3.localhost", "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-s3.localSocket={data}/s3.sock", "-s3.autoCreateBucket=false"], WEED_S3_SSE_KEK=os.urandom(32).hex())
    here = os.path.dirname(os.path.abspath(__file__))
    front = spawn(home, data, "front", [
        sys.executable, f"{here}/strict_s3_front.py", str(p[2]), str(p[0]), REGION, KEY, SECRET])
    # A second, independent server: no create-only, no checksums, no encryption; but its own parsing and signatures.
    os.mkdir(f"{data}/rclone")
    rclone = spawn(home, data, "rclone", [
        f"{venv}/bin/rclone", "--config", "/dev/null", "serve", "s3", "--addr", f"127.0.0.1:{p[13]}",
        "--auth-key", f"{KEY},{SECRET}", "--vfs-cache-mode", "off", f"{data}/rclone"])
    try:
        wait_until_ready(f"http://127.0.0.1:{p[0]}", weed, f"{data}/weed.log")
        wait_until_ready(f"http://127.0.0.1:{p[2]}", front, f"{data}/front.log")
        wait_until_ready(f"http://127.0.0.1:{p[13]}", rclone, f"{data}/rclone.log", RCLONE_BUCKET)
        azure = start_azure(home, data, here, p[10])
        sftp = openssh.start(lambda name, words: spawn(home, data, name, words), data, p[11], p[12])
    except RuntimeError as error:
        stop(home)
        sys.exit(f"test-servers: {error}")
    environment = {
        "NAVETTE_TEST_S3": f"http://127.0.0.1:{p[0]}",
        "NAVETTE_TEST_S3_STRICT": f"http://127.0.0.1:{p[2]}",
        "NAVETTE_TEST_S3_TLS": f"https://127.0.0.1:{p[1]}",
        "NAVETTE_TEST_S3_VHOST": f"http://s3.localhost:{p[0]}",
        "NAVETTE_TEST_S3_RCLONE": f"http://127.0.0.1:{p[13]}",
        "NAVETTE_TEST_S3_RCLONE_BUCKET": RCLONE_BUCKET,
        "NAVETTE_TEST_S3_CA": f"{data}/ca.pem",
        "NAVETTE_TEST_S3_OTHER_CA": f"{data}/other-ca.pem",
        "NAVETTE_TEST_S3_KEY_ID": KEY,
        "NAVETTE_TEST_S3_SECRET": SECRET,
        "NAVETTE_TEST_S3_READER_ID": READER,
        "NAVETTE_TEST_S3_READER_SECRET": READER_SECRET,
        "NAVETTE_TEST_S3_WRITER_ID": WRITER,
        "NAVETTE_TEST_S3_BUCKET": BUCKET,
        "NAVETTE_TEST_S3_REGION": REGION,
        "NAVETTE_TEST_PYTHON": f"{venv}/bin/python",
        "NAVETTE_TEST_SERVERS": here,
        **azure,
        **sftp,
    }
    with open(f"{home}/env", "w") as f:
        f.writelines(f"export {name}='{value}'\n" for name, value in environment.items())
    print(f"test-servers: ready at {environment['NAVETTE_TEST_S3']}", file=sys.stderr)


def stop(home):
    for pid, _ in alive(home):
        os.kill(pid, signal.SIGKILL)  # SeaweedFS takes 16 s over SIGTERM, and its data is thrown away
    deadline = time.monotonic() + 10
    while alive(home) and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        with open(f"{home}/data") as f:
            data = f.read()
        if os.path.basename(data).startswith("navette-servers."):
            openssh.stop(data)
            shutil.rmtree(data, ignore_errors=True)
    except OSError:
        pass
    try:
        with open(f"{home}/ports") as f:
            held = f.read().split()
        for port in held:  # SeaweedFS leaves its gRPC sockets in /tmp, whatever it is told
            for socket_file in glob.glob(f"/tmp/seaweedfs-*-grpc-{port}.sock"):
                os.remove(socket_file)
    except OSError:
        pass
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    verb, where, programs = sys.argv[1:4]
    if verb == "start":
        start(where, programs)
    elif verb == "stop":
        stop(where)
    else:
        print("yes" if running(where) else "no")
