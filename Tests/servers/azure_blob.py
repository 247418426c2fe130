"""An endpoint of Azure Blob Storage: azure_blob.py PORT ACCOUNT KEY TOKEN.

Path-style (http://127.0.0.1:PORT/ACCOUNT/CONTAINER/BLOB), blobs in memory. The verdict on every signature, SharedKey and SAS, is that
of Microsoft's own client code; what is refused and how follows the service's documents, and what navette does not need is 501.
Two more services stand beside it: the machine's metadata (GET /metadata/identity/oauth2/token) and an authority
(POST /TENANT/oauth2/v2.0/token), both of which give out TOKEN.
"""

import base64
import calendar
import email.utils
import hashlib
import hmac
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, unquote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import HttpRequest
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy
from azure.storage.blob._shared.shared_access_signature import SharedAccessSignature
from azure.storage.blob._shared_access_signature import _BlobSharedAccessHelper
from awscrt import checksums

PORT, ACCOUNT, KEY, TOKEN = int(sys.argv[1]), *sys.argv[2:5]
ASSERTION = "navette-test-assertion"
PAGE = 7  # Smaller than any list of the tests, so that every list has markers.
LOCK = threading.Lock()
CONTAINERS = {}  # name: {blob name: Blob}
BLOCKS = {}  # (container, name): {id: bytes}


def crc64(data):
    return base64.b64encode(checksums.crc64nvme(data).to_bytes(8, "little")).decode()


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


class Blob:
    def __init__(self, data, content_md5, meta):
        self.data, self.md5, self.meta = data, content_md5, meta
        self.etag = f'"0x{time.time_ns():X}"'
        self.modified = email.utils.formatdate(usegmt=True)


class Refusal(Exception):
    def __init__(self, status, code, message=""):
        self.status, self.code, self.message = status, code, message


class Judge(SharedKeyCredentialPolicy):
    def _add_authorization_header(self, request, string_to_sign):
        self.string_to_sign = string_to_sign
        super()._add_authorization_header(request, string_to_sign)


def utc(text):
    for shape in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d"):
        try:
            return calendar.timegm(time.strptime(text, shape))
        except ValueError:
            pass
    raise Refusal(403, "AuthenticationFailed", f"{text} is no time.")


class Azure(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    # Who asks, and whether they may

    def shared_key(self, given):
        sent = email.utils.parsedate_to_datetime(self.headers.get("x-ms-date", "")).timestamp()
        if abs(sent - time.time()) > 900:
            raise Refusal(403, "AuthenticationFailed", "Request date header too old.")
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower() != "authorization"}
        request = HttpRequest(self.command, "http://x" + self.path, headers=headers)
        judge = Judge(ACCOUNT, KEY)
        judge.on_request(PipelineRequest(request, PipelineContext(None)))
        if not hmac.compare_digest(request.headers["Authorization"], given):
            raise Refusal(403, "AuthenticationFailed", "The MAC signature is not the same as any computed signature.\n"
                          f"Server used following string to sign: '{judge.string_to_sign}'.")

    def sas(self, container, name):
        """The rights of the token."""
        q = {name: values[0] for name, values in self.query.items()}
        if "ss" in q:
            again = SharedAccessSignature(ACCOUNT, KEY, x_ms_version=q["sv"]).generate_account(
                q["ss"], q["srt"], q.get("sp"), q.get("se"), q.get("st"), q.get("sip"), q.get("spr"))
            right = parse_qs(again)["sig"][0]
        else:
            helper = _BlobSharedAccessHelper()
            helper.add_base(q.get("sp"), q.get("se"), q.get("st"), q.get("sip"), q.get("spr"), q["sv"])
            helper.add_resource(q["sr"])
            helper.add_id(q.get("si"))
            helper.add_override_response_headers(None, None, None, None, None)
            path = f"{container}/{name}" if q["sr"] == "b" else container
            helper.add_resource_signature(ACCOUNT, KEY, path)
            right = parse_qs(helper.get_token())["sig"][0]
        if not hmac.compare_digest(right, q["sig"]):
            raise Refusal(403, "AuthenticationFailed", f"Signature did not match: {q['sig']}")
        if utc(q["se"]) < time.time() or ("st" in q and utc(q["st"]) > time.time() + 900):
            raise Refusal(403, "AuthenticationFailed", "Signature not valid in the specified time frame")
        if q.get("spr") == "https":
            raise Refusal(403, "AuthorizationProtocolMismatch")
        return q.get("sp", "")

    def rights(self, container, name):
        given = self.headers.get("Authorization", "")
        if given.startswith("SharedKey "):
            self.shared_key(given)
        elif given.startswith("Bearer "):
            if self.headers.get("x-ms-version", "") < "2017-11-09" or given != f"Bearer {TOKEN}":
                raise Refusal(401, "InvalidAuthenticationInfo", "Server failed to authenticate the request.")
        elif "sig" in self.query:
            return self.sas(container, name)
        else:
            raise Refusal(401, "NoAuthenticationInformation")
        return "rcwdl"

    # What they ask for

    def handle_one(self):
        body = b""
        try:
            if self.headers.get("Transfer-Encoding"):
                self.close_connection = True
                raise Refusal(411, "MissingContentLengthHeader")
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.route(body)
        except Refusal as refusal:
            text = f"<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{refusal.code}</Code>"
            text += f"<Message>{escape(refusal.message)}\nRequestId:1\nTime:now</Message></Error>"
            self.answer(refusal.status, ("\ufeff" + text).encode(), {"x-ms-error-code": refusal.code})

    def answer(self, status, body=b"", headers=None, length=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def route(self, body):
        path, _, query = self.path.partition("?")
        self.query = parse_qs(query, keep_blank_values=True)
        if path == "/metadata/identity/oauth2/token":
            if self.headers.get("Metadata") != "true" or self.query.get("resource") != ["https://storage.azure.com/"]:
                return self.answer(400, b'{"error":"invalid_request"}')
            # As the real one: numbers as texts.
            return self.answer(200, json.dumps({"access_token": TOKEN, "expires_in": "3599"}).encode())
        if path == "/tenant-1/oauth2/v2.0/token":
            form = dict(parse_qsl(body.decode()))
            expected = {
                "client_id": "client-1", "scope": "https://storage.azure.com/.default", "client_assertion": ASSERTION,
                "grant_type": "client_credentials",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
            if self.command != "POST" or form != expected:
                return self.answer(401, b'{"error":"invalid_client","error_description":"no"}')
            return self.answer(200, json.dumps({"access_token": TOKEN, "expires_in": 3599}).encode())
        parts = path.split("/", 3)
        if len(parts) < 3 or parts[1] != ACCOUNT:
            raise Refusal(400, "InvalidUri")
        container, name = parts[2], unquote(parts[3]) if len(parts) > 3 else ""
        rights = self.rights(container, name)
        if not self.headers.get("x-ms-version"):
            raise Refusal(400, "MissingRequiredHeader", "x-ms-version")
        comp = self.query.get("comp", [""])[0]
        with LOCK:
            if not name:
                return self.of_container(container, comp, rights)
            if container not in CONTAINERS:
                raise Refusal(404, "ContainerNotFound")
            needed = {"GET": "r", "HEAD": "r", "PUT": "cw", "DELETE": "d"}.get(self.command, "?")
            if not set(needed) & set(rights):
                raise Refusal(403, "AuthorizationPermissionMismatch")
            verb = {("PUT", ""): self.put, ("PUT", "block"): self.put_block, ("PUT", "blocklist"): self.put_list,
                    ("GET", ""): self.get, ("HEAD", ""): self.get, ("DELETE", ""): self.delete}.get((self.command, comp))
            if not verb:
                raise Refusal(501, "NotImplemented")
            verb(CONTAINERS[container], container, name, body, rights)

    def of_container(self, container, comp, rights):
        if self.query.get("restype") != ["container"]:
            raise Refusal(400, "InvalidQueryParameterValue")
        if self.command == "PUT" and not comp:
            if container in CONTAINERS:
                raise Refusal(409, "ContainerAlreadyExists")
            CONTAINERS[container] = {}
            return self.answer(201)
        if container not in CONTAINERS:
            raise Refusal(404, "ContainerNotFound")
        if self.command != "GET" or comp != "list":
            raise Refusal(501, "NotImplemented")
        if "l" not in rights:
            raise Refusal(403, "AuthorizationPermissionMismatch")
        prefix, marker = (self.query.get(name, [""])[0] for name in ("prefix", "marker"))
        names = sorted(n for n in CONTAINERS[container] if n.startswith(prefix))
        start = int(base64.b64decode(marker)) if marker else 0
        blobs = "".join(
            f"<Blob><Name>{escape(n)}</Name><Properties><Last-Modified>{b.modified}</Last-Modified><Etag>{b.etag}</Etag>"
            f"<Content-Length>{len(b.data)}</Content-Length><Content-MD5>{b.md5}</Content-MD5>"
            "<BlobType>BlockBlob</BlobType></Properties></Blob>"
            for n, b in ((n, CONTAINERS[container][n]) for n in names[start:start + PAGE]))
        more = base64.b64encode(str(start + PAGE).encode()).decode() if start + PAGE < len(names) else ""
        self.answer(200, ("\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?>"
                          f"<EnumerationResults ServiceEndpoint=\"http://x/\" ContainerName=\"{container}\"><Prefix>"
                          f"{escape(prefix)}</Prefix><Blobs>{blobs}</Blobs><NextMarker>{more}</NextMarker>"
                          "</EnumerationResults>").encode(), {"Content-Type": "application/xml"})

    def checked(self, body):
        """The checksums of the request; both at once are refused."""
        given = {name: self.headers.get(name) for name in ("Content-MD5", "x-ms-content-crc64")}
        if all(given.values()):
            raise Refusal(400, "InvalidInput", "Content-MD5 and x-ms-content-crc64 exclude each other.")
        if given["Content-MD5"]:
            if not re.fullmatch("[A-Za-z0-9+/]{22}==", given["Content-MD5"]):
                raise Refusal(400, "InvalidMd5")
            if given["Content-MD5"] != md5(body):
                raise Refusal(400, "Md5Mismatch", "The MD5 of the request is another.")
        crc = crc64(body)
        if given["x-ms-content-crc64"] and given["x-ms-content-crc64"] != crc:
            raise Refusal(400, "Crc64Mismatch", "The CRC-64 of the request is another.")
        return crc

    def free(self, blobs, name, rights):
        match = self.headers.get("If-None-Match")
        if match not in (None, "*"):
            raise Refusal(400, "InvalidHeaderValue")
        if name in blobs:
            if match == "*":
                raise Refusal(409, "BlobAlreadyExists", "The specified blob already exists.")
            if "w" not in rights:
                raise Refusal(403, "UnauthorizedBlobOverwrite")

    def meta(self):
        found = {k.lower(): v for k, v in self.headers.items() if k.lower().startswith("x-ms-meta-")}
        if not all(re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name[10:]) for name in found):
            raise Refusal(400, "InvalidMetadata")
        return found

    def put(self, blobs, container, name, body, rights):
        if self.headers.get("x-ms-blob-type") != "BlockBlob":
            raise Refusal(400, "MissingRequiredHeader", "x-ms-blob-type")
        if "w" not in rights and name in blobs:  # A token that may only create is refused before any condition.
            raise Refusal(403, "UnauthorizedBlobOverwrite")
        self.free(blobs, name, rights)
        crc = self.checked(body)
        blob = blobs[name] = Blob(body, self.headers.get("x-ms-blob-content-md5") or md5(body), self.meta())
        BLOCKS.pop((container, name), None)
        self.answer(201, b"", {"ETag": blob.etag, "Content-MD5": md5(body), "x-ms-content-crc64": crc})

    def put_block(self, blobs, container, name, body, rights):
        block = self.query["blockid"][0]
        waiting = BLOCKS.setdefault((container, name), {})
        if any(len(block) != len(other) for other in waiting) or len(base64.b64decode(block)) > 64:
            raise Refusal(400, "InvalidBlobOrBlock", "The specified blob or block content is invalid.")
        crc = self.checked(body)
        waiting[block] = body
        self.answer(201, b"", {"x-ms-content-crc64": crc})

    def put_list(self, blobs, container, name, body, rights):
        self.free(blobs, name, rights)
        crc = self.checked(body)
        waiting = BLOCKS.get((container, name), {})
        ids = [e.text for e in ElementTree.fromstring(body)]
        if not all(i in waiting for i in ids):
            raise Refusal(400, "InvalidBlockList", "The specified block list is invalid.")
        data = b"".join(waiting[i] for i in ids)
        # Stored as it is told: nobody looks.
        blob = blobs[name] = Blob(data, self.headers.get("x-ms-blob-content-md5", ""), self.meta())
        BLOCKS.pop((container, name), None)
        self.answer(201, b"", {"ETag": blob.etag, "x-ms-content-crc64": crc})

    def get(self, blobs, container, name, body, rights):
        if name not in blobs:
            raise Refusal(404, "BlobNotFound", "The specified blob does not exist.")
        blob = blobs[name]
        headers = {"ETag": blob.etag, "Last-Modified": blob.modified, "x-ms-blob-type": "BlockBlob", **blob.meta,
                   "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("x-ms-range") or self.headers.get("Range") or "")
        if self.command == "GET" and found:
            first, last = int(found[1]), min(int(found[2] or len(blob.data) - 1), len(blob.data) - 1)
            if first > last:
                raise Refusal(416, "InvalidRange")
            headers["Content-Range"] = f"bytes {first}-{last}/{len(blob.data)}"
            return self.answer(206, blob.data[first:last + 1], headers)
        if blob.md5:
            headers["Content-MD5"] = blob.md5
        self.answer(200, blob.data, headers)

    def delete(self, blobs, container, name, body, rights):
        if name not in blobs:
            raise Refusal(404, "BlobNotFound", "The specified blob does not exist.")
        if self.headers.get("If-Match") not in (None, "*", blobs[name].etag):
            raise Refusal(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")
        del blobs[name]
        self.answer(202)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_one

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


Server(("127.0.0.1", PORT), Azure).serve_forever()
