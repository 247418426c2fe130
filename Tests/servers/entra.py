"""Microsoft Entra, as far as tokens for applications go, and a machine's metadata service: entra.py [CERT.pem] [skew=SECONDS]

Prints its own port, then for each request what it was given and the verdict. The tenant is tenant-1 with the application client-1, whose
secret is "s3cret&+/" and whose certificate is CERT.pem. The signature of an assertion is judged by the library `cryptography`. The machine
has two identities, so it must be told which: client-2. Ends when its standard input closes.
"""

import base64
import hashlib
import json
import os
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

SKEW = sum(int(word[5:]) for word in sys.argv[1:] if word.startswith("skew="))
FILES = [word for word in sys.argv[1:] if not word.startswith("skew=")]
CERTIFICATE = x509.load_pem_x509_certificate(open(FILES[0], "rb").read()) if FILES else None
NUMBERS = set()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def judge(assertion, audience):
    """Microsoft's number of what is wrong with it; None: nothing."""
    parts = assertion.split(".")
    if len(parts) != 3 or CERTIFICATE is None:
        return 50027
    header, claims = json.loads(decoded(parts[0])), json.loads(decoded(parts[1]))
    der = CERTIFICATE.public_bytes(serialization.Encoding.DER)
    if header != {"alg": "RS256", "typ": "JWT", "x5t": base64.urlsafe_b64encode(hashlib.sha1(der).digest()).decode().rstrip("=")}:
        return 700027
    try:
        CERTIFICATE.public_key().verify(
            decoded(parts[2]), ".".join(parts[:2]).encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return 700027
    if claims["aud"] != audience or claims["iss"] != "client-1" or claims["sub"] != "client-1":
        return 700021
    now = time.time() + SKEW
    if not claims["nbf"] - 300 <= now <= claims["exp"] or claims["exp"] - now > 900:
        return 700024
    if claims["jti"] in NUMBERS:
        return 700016
    NUMBERS.add(claims["jti"])
    return None


class Entra(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, document):
        body = json.dumps(document).encode()
        self.send_response_only(status)
        self.send_header("Date", formatdate(time.time() + SKEW, usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def grant(self, kind):
        print(kind, "granted", flush=True)
        self.reply(200, {"token_type": "Bearer", "access_token": f"token-of-{kind}", "expires_in": 3599})

    def refuse(self, kind, status, number, error="invalid_client"):
        print(kind, number, flush=True)
        self.reply(status, {"error": error, "error_description": f"AADSTS{number}: a secret s3cret&+/", "error_codes": [number]})

    def do_GET(self):
        address = urlsplit(self.path)
        query = parse_qs(address.query)
        if address.path != "/metadata/identity/oauth2/token" or self.headers.get("Metadata") != "true":
            return self.reply(404, {})
        if query.get("client_id") != ["client-2"]:
            print("machine which?", flush=True)
            return self.reply(400, {"error": "invalid_request", "error_description": "Multiple user assigned identities exist"})
        self.grant("machine")

    def do_POST(self):
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode(), strict_parsing=True))
        if self.path != "/tenant-1/oauth2/v2.0/token":
            return self.refuse("tenant", 400, 90002, "invalid_request")
        if (form.get("grant_type"), form.get("scope")) != ("client_credentials", "https://storage.azure.com/.default"):
            return self.refuse("form", 400, 900144, "invalid_request")
        if form.get("client_id") != "client-1":
            return self.refuse("client", 400, 700016, "unauthorized_client")
        if "client_secret" in form:
            if form["client_secret"] == "old":
                return self.refuse("secret", 401, 7000222)
            return self.grant("secret") if form["client_secret"] == "s3cret&+/" else self.refuse("secret", 401, 7000215)
        if form.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
            return self.refuse("form", 400, 900144, "invalid_request")
        if form["client_assertion"] == "workload-token":
            return self.grant("workload")
        number = judge(form["client_assertion"], f"http://{self.headers['Host']}{self.path}")
        self.refuse("certificate", 401, number) if number else self.grant("certificate")

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Entra)
server.daemon_threads = True
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
