"""The stores of a case, as the runner sees them: what they hold, what was asked of them, and what they say."""

import os
import subprocess
from collections import Counter

from azure import Azure
from s3 import S3
from wire import Server


class Web:
    """S3 and Azure."""

    # Requests a second that are few: a feed looks every second here.
    quiet = 12
    # What goes on without an end is asked for on and on, page by page.
    busy = 60

    def __init__(self, dialect, root, tls):
        self.ca = None
        if tls:
            self.ca = f"{root}/tls.pem"
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                 "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{root}/tls.key", "-out", self.ca], check=True, capture_output=True)
        self.dialect = dialect
        self.server = Server(dialect, (self.ca, f"{root}/tls.key") if tls else None)
        self.base = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.port}"

    def tell(self, lie):
        self.server.lie = lie
        with self.server.lock:
            self.server.state.clear()
            if lie is None:
                for key in self.server.wrong:
                    self.dialect.objects.pop(key, None)
                self.server.wrong.clear()
            while not lie and self.dialect.wrong:
                self.dialect.objects.pop(self.dialect.wrong.pop(), None)

    def put_good(self, data, key="drops/good.csv"):
        self.dialect.objects[key] = data

    def batches(self):
        with self.server.lock:
            return {key: data for key, data in self.dialect.objects.items() if key.startswith("out/")}

    def overwritten(self):
        return self.dialect.overwritten

    def asked(self):
        return len(self.server.asked)

    def most_asked(self):
        return Counter(op for _, op, _ in self.server.asked).most_common(4)

    def close(self):
        self.server.close()


class S3Place(Web):
    def __init__(self, root, lie):
        super().__init__(S3(), root, lie.tls)

    def settings(self):
        return {"url": "s3://bucket", "region": "eu-west-1", "endpoint": self.base, "force_path_style": True, "access_key_id": "a",
                "secret_access_key": "b"} | ({"ca_file": self.ca} if self.ca else {})


class AzurePlace(Web):
    def __init__(self, root, lie):
        super().__init__(Azure(), root, lie.tls)

    def settings(self):
        return {"url": "azblob://account/container", "endpoint": f"{self.base}/account", "account_key": "a2V5"} | ({"ca_file": self.ca} if self.ca else {})


PLACES = {"s3": S3Place, "azblob": AzurePlace}


def exists(program):
    return any(os.access(f"{folder}/{program}", os.X_OK) for folder in os.environ.get("PATH", "").split(":") + ["/usr/sbin"])
