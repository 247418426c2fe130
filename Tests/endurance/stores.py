"""The three stores as somebody else sees them: what they hold, read and written without navette and without trouble."""

import os
import shutil
import sys
import urllib.error
import urllib.request

from azure.storage.blob import ContainerClient
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "soak"))
from reckoning import Bucket  # noqa: E402

ENV = os.environ
QUICK = "timeouts: { connect: 1s, stall: 2s }"


class S3(Bucket):
    kind, http = "s3", True

    def __init__(self, prefix):
        super().__init__(ENV["NAVETTE_TEST_S3"], ENV["NAVETTE_TEST_S3_BUCKET"], ENV["NAVETTE_TEST_S3_KEY_ID"],
                         ENV["NAVETTE_TEST_S3_SECRET"], ENV["NAVETTE_TEST_S3_REGION"])
        self.prefix, self.port = prefix, int(ENV["NAVETTE_TEST_S3"].rsplit(":", 1)[1])

    KEYS = (f"access_key_id: {ENV['NAVETTE_TEST_S3_KEY_ID']}, secret_access_key: {ENV['NAVETTE_TEST_S3_SECRET']}")

    def yaml(self, port, slots, keys=KEYS, timeouts=QUICK):
        keys = keys and keys + ", "
        return (f"{{ url: 's3://{ENV['NAVETTE_TEST_S3_BUCKET']}/{self.prefix}', region: {self.region},"
                f" endpoint: 'http://127.0.0.1:{port}', force_path_style: true, {keys}"
                f"concurrency: {slots}, {timeouts} }}")

    def send(self, method, key, body=None):
        request = AWSRequest(method, f"{self.root}/{self.prefix}/{key}", data=body)
        S3SigV4Auth(self.credentials, "s3", self.region).add_auth(request)
        plain = urllib.request.Request(request.url, data=body, method=method, headers=dict(request.headers))
        with urllib.request.urlopen(plain, timeout=60) as answer:
            return answer.read()

    def put(self, key, body):
        self.send("PUT", key, body)

    def read(self, key):
        return self.send("GET", key)

    def remove(self, key):
        self.send("DELETE", key)

    def names(self):
        return [key[len(self.prefix) + 1:] for key in self.keys(self.prefix + "/")]


class Azure:
    kind, http = "azure", True

    def __init__(self, prefix):
        account = ENV["NAVETTE_TEST_AZURE_ACCOUNT"]
        self.prefix, self.account = prefix, account
        self.port = int(ENV["NAVETTE_TEST_AZURE"].rsplit(":", 1)[1].split("/")[0])
        self.client = ContainerClient(
            ENV["NAVETTE_TEST_AZURE"], ENV["NAVETTE_TEST_AZURE_CONTAINER"],
            credential={"account_name": account, "account_key": ENV["NAVETTE_TEST_AZURE_KEY"]},
            max_single_put_size=256 << 20, max_single_get_size=256 << 20)

    def yaml(self, port, slots, timeouts=QUICK):
        return (f"{{ url: 'azblob://{self.account}/{ENV['NAVETTE_TEST_AZURE_CONTAINER']}/{self.prefix}',"
                f" endpoint: 'http://127.0.0.1:{port}/{self.account}', account_key: '{ENV['NAVETTE_TEST_AZURE_KEY']}',"
                f" concurrency: {slots}, {timeouts} }}")

    def put(self, key, body):
        self.client.upload_blob(f"{self.prefix}/{key}", body)

    def read(self, key):
        return self.client.download_blob(f"{self.prefix}/{key}").readall()

    def remove(self, key):
        self.client.delete_blob(f"{self.prefix}/{key}")

    def names(self):
        return [blob.name[len(self.prefix) + 1:] for blob in self.client.list_blobs(name_starts_with=self.prefix + "/")]


class SFTP:
    kind, http = "sftp", False

    def __init__(self, prefix):
        self.home = ENV["NAVETTE_TEST_SFTP_DIR"]
        self.prefix, self.folder = prefix, f"{self.home}/objects/{prefix}"
        self.port = int(ENV["NAVETTE_TEST_SFTP_PORT"])
        os.makedirs(self.folder)

    def yaml(self, port, slots, timeouts=QUICK):
        return (f"{{ url: 'sftp://{ENV['NAVETTE_TEST_SFTP_USER']}@127.0.0.1:{port}{self.folder}',"
                f" private_key: '${{file:{self.home}/user}}', host_key_sha256: '{ENV['NAVETTE_TEST_SFTP_PIN']}',"
                f" concurrency: {slots}, {timeouts} }}")

    def put(self, key, body):
        path = f"{self.folder}/{key}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".part", "wb") as file:
            file.write(body)
        os.rename(path + ".part", path)

    def read(self, key):
        with open(f"{self.folder}/{key}", "rb") as file:
            return file.read()

    def remove(self, key):
        os.remove(f"{self.folder}/{key}")

    def names(self):
        return sorted(os.path.relpath(os.path.join(top, name), self.folder)
                      for top, _, names in os.walk(self.folder) for name in names)

    def sweep(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def sweep(store):
    """What a run leaves in a store that goes on afterwards."""
    if hasattr(store, "sweep"):
        return store.sweep()
    for name in store.names():
        try:
            store.remove(name)
        except (OSError, urllib.error.URLError):
            pass


ALL = {"s3": S3, "azure": Azure, "sftp": SFTP}
# Slots: small, so that fifty times as many transfers are cheap.
SLOTS = {"s3": 4, "azure": 2, "sftp": 1}
