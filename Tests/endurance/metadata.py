"""Keys from an instance's metadata service (version 2), eight programs in a row: each must get them and be done."""

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from commands import Commands, DONE

TIMES, BATCHES = 8, 5


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def reply(self, status, body):
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_PUT(self):
        known = self.path == "/latest/api/token" and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
        self.reply(200 if known else 400, "a-token" if known else "")

    def do_GET(self):
        base = "/latest/meta-data/iam/security-credentials/"
        if self.headers.get("X-aws-ec2-metadata-token") != "a-token":
            return self.reply(401, "")
        if self.path == base:
            return self.reply(200, "endurance")
        self.server.given += 1
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        self.reply(200, json.dumps({
            "Code": "Success", "LastUpdated": "2026-01-01T00:00:00Z", "Type": "AWS-HMAC", "Expiration": expires,
            "AccessKeyId": os.environ["NAVETTE_TEST_S3_KEY_ID"], "SecretAccessKey": os.environ["NAVETTE_TEST_S3_SECRET"],
            "Token": ""}))

    def log_message(self, *_):
        pass


class Metadata(Commands):
    def __init__(self, run, name):
        self.service = ThreadingHTTPServer(("127.0.0.1", 0), Service)
        self.service.daemon_threads, self.service.given = True, 0
        threading.Thread(target=self.service.serve_forever, daemon=True).start()
        super().__init__(run, name, "s3")

    def yaml(self):
        return self.store.yaml(self.trouble.port, self.slots, keys="")

    def begin(self, *words, settings=None):
        process = super().begin(*words, settings=settings, env={
            "HOME": self.root, "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{self.service.server_address[1]}"})
        return process

    def play(self):
        good = 0
        for turn in range(TIMES):
            self.lane.write(BATCHES)
            words = ["run", "--once"] if turn % 2 else ["check", "--connect"]
            process = self.carry_out(*words, codes=(DONE,), why=f"turn {turn + 1} with keys of the metadata service")
            good += process.code == DONE
            self.transfers += BATCHES
        self.carry_out("run", "--once", codes=(DONE,), why="with keys of the metadata service")
        self.book.hold("keys from a metadata service, 8 of 8", self.where, good == TIMES and self.service.given >= TIMES,
                       f"{good} of {TIMES}; asked {self.service.given} times")
        complaints = self.lane.compare()
        self.book.hold("all delivered", self.where, not complaints, "; ".join(complaints[:3]))
