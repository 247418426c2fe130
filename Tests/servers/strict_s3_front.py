"""A strict S3 front: strict_s3_front.py PORT UPSTREAM_PORT REGION KEY SECRET.

Refuses what AWS would refuse and SeaweedFS lets through: another region in the scope, a body that is not what
x-amz-content-sha256 says, that header missing, an x-amz-* header not signed, a body without a length. The verdict on the
signature is botocore's. What passes is forwarded unchanged, with the same Host.
"""

import hashlib
import hmac
import http.client
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PORT, UPSTREAM, REGION, KEY, SECRET = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:6]
AUTH = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
                  r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$")
HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without this, small answers wait for the other side's delayed acknowledgement.
    disable_nagle_algorithm = True

    def refuse(self, status, code, message):
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def verdict(self, body):
        """None, or (status, code, message)."""
        found = AUTH.match(self.headers.get("Authorization", ""))
        if not found:
            return 403, "AccessDenied", "Access Denied."
        key, day, region, names, signature = found.groups()
        if key != KEY:
            return 403, "InvalidAccessKeyId", "The access key does not exist in our records."
        if region != REGION:
            return 400, "AuthorizationHeaderMalformed", f"the region '{region}' is wrong; expecting '{REGION}'"
        names = names.split(";")
        unsigned = [h.lower() for h in self.headers if h.lower().startswith("x-amz-") and h.lower() not in names]
        if unsigned or "host" not in names:
            return 403, "AccessDenied", f"There were headers present in the request which were not signed: {unsigned}"
        claimed = self.headers.get("x-amz-content-sha256")
        if claimed is None:
            return 400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256"
        if claimed != "UNSIGNED-PAYLOAD" and claimed != hashlib.sha256(body).hexdigest():
            return 400, "XAmzContentSHA256Mismatch", "The provided x-amz-content-sha256 header does not match."
        path, _, query = self.path.partition("?")
        # Decoded and encoded again: a path that the client left half encoded does not come out the same.
        url = f"http://{self.headers['Host']}{quote(unquote(path), safe='/~')}"
        request = AWSRequest(self.command, url, params=dict(parse_qsl(query, keep_blank_values=True)),
                             headers={n: ",".join(self.headers.get_all(n, [])) for n in names if n != "host"})
        if "x-amz-content-sha256" not in names:
            return 403, "AccessDenied", "x-amz-content-sha256 was not signed"
        request.context["timestamp"] = self.headers.get("x-amz-date", "")
        if request.context["timestamp"][:8] != day:
            return 403, "AccessDenied", "The date of the scope is not the date of the request."
        signer = S3SigV4Auth(Credentials(KEY, SECRET), "s3", REGION)
        canonical = signer.canonical_request(request)
        expected = signer.signature(signer.string_to_sign(request, canonical), request)
        if not hmac.compare_digest(expected, signature):
            print("expected canonical request:\n" + canonical, file=sys.stderr, flush=True)
            return 403, "SignatureDoesNotMatch", "The request signature we calculated does not match."
        return None

    def handle_one(self):
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return self.refuse(501, "NotImplemented", "A body needs a Content-Length.")
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        refusal = self.verdict(body)
        if refusal:
            return self.refuse(*refusal)
        upstream = http.client.HTTPConnection("127.0.0.1", UPSTREAM, timeout=60)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP:
                upstream.putheader(name, value)
        if self.command in ("PUT", "POST"):
            upstream.putheader("Content-Length", str(len(body)))
        upstream.endheaders(body or None)
        answer = upstream.getresponse()
        content = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        upstream.close()

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_one

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


Server(("127.0.0.1", PORT), Front).serve_forever()
