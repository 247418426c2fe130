"""Where AWS keys come from, in the documented shapes: aws_keys.py KEY SECRET [OPTION…]

One server is STS, the metadata service of an instance (version 2 only) and the agent of a container:
  POST /                                    AssumeRole (signature judged by botocore), AssumeRoleWithWebIdentity
  PUT  /latest/api/token, GET /latest/meta-data/iam/security-credentials/[ROLE]
  GET  /container/keys                      with the Authorization header `container-token`
Each set of keys is numbered: ASIA…1, ASIA…2. Options: `lives=SECONDS` of each set, the last one for all that follow;
`fails=N`: after the first set, so many answers are 500. `skew=SECONDS`: of its clock. Prints its port, then a line for
each request. Ends when its standard input closes.
"""

import hmac
import json
import os
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY, SECRET = sys.argv[1:3]
OPTIONS = dict(option.split("=") for option in sys.argv[3:])
LIVES = [int(n) for n in OPTIONS.get("lives", "3600").split(",")]
SKEW = int(OPTIONS.get("skew", "0"))
LOCK = threading.Lock()
STATE = {"made": 0, "fails": int(OPTIONS.get("fails", "0"))}
ISSUED = {KEY: (SECRET, None)}


def issue(session=True):
    """The next set, or None where it is time to fail."""
    with LOCK:
        if STATE["made"] and STATE["fails"]:
            STATE["fails"] -= 1
            return None
        STATE["made"] += 1
        n = STATE["made"]
        life = LIVES.pop(0) if len(LIVES) > 1 else LIVES[0]
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + SKEW + life))
        keys = (f"ASIANAVETTE{n:04}", f"issued-secret-{n}", f"issued-token-{n}", expires)
        ISSUED[keys[0]] = keys[1:3]
        return keys


class Keys(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def reply(self, status, body, kind="application/json"):
        self.send_response_only(status)
        self.send_header("Date", formatdate(time.time() + SKEW, usegmt=True))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def refuse(self, status, code, message=""):
        self.reply(status, f"<ErrorResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><Error><Type>Sender</Type>"
                           f"<Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>", "text/xml")

    def do_PUT(self):
        print("PUT", self.path, flush=True)
        if self.path != "/latest/api/token" or "X-aws-ec2-metadata-token-ttl-seconds" not in self.headers:
            return self.reply(400, "")
        self.reply(200, "imds-token", "text/plain")

    def do_GET(self):
        print("GET", self.path, flush=True)
        base = "/latest/meta-data/iam/security-credentials/"
        if self.path.startswith(base):
            if self.headers.get("X-aws-ec2-metadata-token") != "imds-token":
                return self.reply(401, "")
            if self.path == base:
                return self.reply(200, "navette role\n" if OPTIONS.get("role") == "odd" else "navette-role", "text/plain")
            keys = issue()
            if not keys:
                return self.reply(500, "")
            return self.reply(200, json.dumps({
                "Code": "Success", "LastUpdated": "2026-01-01T00:00:00Z", "Type": "AWS-HMAC", "AccessKeyId": keys[0],
                "SecretAccessKey": keys[1], "Token": keys[2], "Expiration": keys[3]}))
        if self.path == "/container/keys":
            if self.headers.get("Authorization") != "container-token":
                return self.reply(403, "{}")
            keys = issue()
            return self.reply(200, json.dumps({
                "RoleArn": "arn:aws:iam::111122223333:role/task", "AccessKeyId": keys[0], "SecretAccessKey": keys[1],
                "Token": keys[2], "Expiration": keys[3]}))
        self.reply(404, "")

    def signed_by(self, body):
        """The key that signed the request, or None."""
        auth = self.headers.get("Authorization", "")
        if not auth.startswith("AWS4-HMAC-SHA256 Credential="):
            return None
        key, _, region, service, _ = auth.split("=", 1)[1].split(",")[0].split("/")
        secret, token = ISSUED.get(key, (None, None))
        names = auth.split("SignedHeaders=")[1].split(",")[0].split(";")
        if secret is None or service != "sts" or self.headers.get("X-Amz-Security-Token") != token:
            return None
        request = AWSRequest("POST", f"http://{self.headers['Host']}/", data=body,
                             headers={n: self.headers[n] for n in names if n != "host"})
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        at = time.strptime(self.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        import calendar
        if abs(calendar.timegm(at) - time.time() - SKEW) > 300:
            return None
        signer = SigV4Auth(Credentials(secret and key, secret), "sts", region)
        wanted = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        return key if hmac.compare_digest(wanted, auth.split("Signature=")[1]) else None

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        action, arn = form.get("Action"), form.get("RoleArn", "")
        print(action, arn, form.get("RoleSessionName"), form.get("ExternalId", "-"), form.get("DurationSeconds", "-"),
              flush=True)
        if action == "AssumeRole":
            if not self.signed_by(body):
                return self.refuse(403, "SignatureDoesNotMatch", f"The signature of {SECRET} is wrong.")
            if arn.endswith("/closed") or (arn.endswith("/external") and form.get("ExternalId") != "campaign"):
                return self.refuse(403, "AccessDenied", "User is not authorized to perform: sts:AssumeRole")
        elif action == "AssumeRoleWithWebIdentity":
            if form.get("WebIdentityToken") != "web-token" or "Authorization" in self.headers:
                return self.refuse(400, "ExpiredTokenException", f"Token {form.get('WebIdentityToken')} expired")
        else:
            return self.refuse(400, "InvalidAction")
        keys = issue()
        if not keys:
            return self.refuse(500, "InternalFailure")
        self.reply(200, f"""<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <{action}Result><AssumedRoleUser><Arn>{arn}/x</Arn><AssumedRoleId>AROA:x</AssumedRoleId></AssumedRoleUser>
    <Credentials><AccessKeyId>{keys[0]}</AccessKeyId><SecretAccessKey>{keys[1]}</SecretAccessKey>
      <SessionToken>{keys[2]}</SessionToken><Expiration>{keys[3]}</Expiration></Credentials>
  </{action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>""", "text/xml")

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


server = Server(("127.0.0.1", 0), Keys)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
