"""What an honest Azure Blob service does with the requests of navette. Nobody's signature is judged here."""

import base64
import hashlib
import re
from xml.sax.saxutils import escape

from s3 import S3
from wire import Answer

WHEN = "Thu, 12 Mar 2026 06:00:00 GMT"


def error(status, code, message="", headers=None):
    return Answer(status, f"\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>",
                  {"x-ms-error-code": code, "Content-Type": "application/xml", **(headers or {})})


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


class Azure(S3):
    """Path-style: /ACCOUNT/CONTAINER/BLOB."""

    def __init__(self, account="account", container="container"):
        super().__init__(container)
        self.account, self.blocks = account, {}

    def name(self, request):
        parts = request.path.split("/", 3)
        request.key = parts[3] if len(parts) > 3 else ""
        comp, m = request.query.get("comp", ""), request.method
        if not request.key:
            request.op = "list"
        elif m == "PUT" and comp:
            request.op = {"block": "part", "blocklist": "complete"}.get(comp, comp)
        else:
            request.op = {"PUT": "put", "GET": "get", "HEAD": "head", "DELETE": "delete"}.get(m, m)

    def tag(self, key):
        return self.tags.get(key) or f'"0x{hashlib.md5(self.objects[key]).hexdigest()[:15].upper()}"'

    def truth(self, request):
        return getattr(self, "do_" + request.op, lambda _: error(501, "NotImplemented"))(request)

    def keep(self, request, data):
        if request.headers.get("if-none-match") == "*" and request.key in self.objects:
            return error(409, "BlobAlreadyExists")
        self.store(request.key, data)
        self.meta[request.key] = {name: value for name, value in request.headers.items() if name.startswith("x-ms-meta-")}
        self.meta[request.key]["Content-MD5"] = request.headers.get("x-ms-blob-content-md5") or md5(data)
        headers = {"ETag": self.tag(request.key), "Last-Modified": WHEN}
        if request.op == "put":
            headers["Content-MD5"] = md5(data)
        return Answer(201, headers=headers)

    def do_put(self, request):
        told = request.headers.get("content-md5")
        if told and told != md5(request.body):
            return error(400, "Md5Mismatch")
        return self.keep(request, request.body)

    def do_part(self, request):
        self.blocks.setdefault(request.key, {})[request.query["blockid"]] = request.body
        return Answer(201, headers={"Content-MD5": md5(request.body)})

    def do_complete(self, request):
        names = re.findall(r"<(?:Latest|Uncommitted)>([^<]+)<", request.body.decode())
        blocks = self.blocks.get(request.key, {})
        if not all(name in blocks for name in names):
            return error(400, "InvalidBlockList")
        answer = self.keep(request, b"".join(blocks[name] for name in names))
        self.blocks.pop(request.key, None)
        return answer

    def found(self, request):
        headers = {"ETag": self.tag(request.key), "Last-Modified": WHEN, "x-ms-blob-type": "BlockBlob",
                   "Content-Type": "application/octet-stream", **self.meta.get(request.key, {"Content-MD5": md5(self.objects[request.key])})}
        return self.objects[request.key], headers

    def do_get(self, request):
        return Answer(200, *self.found(request)) if request.key in self.objects else error(404, "BlobNotFound")

    def do_head(self, request):
        if request.key not in self.objects:
            return Answer(404, headers={"x-ms-error-code": "BlobNotFound"})
        return Answer(200, *self.found(request))

    def do_delete(self, request):
        if request.key not in self.objects:
            return error(404, "BlobNotFound")
        if request.headers.get("if-match", self.tag(request.key)) not in ("*", self.tag(request.key)):
            return error(412, "ConditionNotMet")
        del self.objects[request.key]
        return Answer(202)

    def entry(self, key, size=None, tag=None, when=WHEN):
        size = len(self.objects[key]) if size is None else size
        tag = self.tag(key) if tag is None else tag
        return (f"<Blob><Name>{escape(key)}</Name><Properties><Last-Modified>{when}</Last-Modified><Etag>{escape(tag)}</Etag>"
                f"<Content-Length>{size}</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>")

    def page(self, entries, mark=""):
        return Answer(200, "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"c\"><Blobs>"
                      f"{''.join(entries)}</Blobs><NextMarker>{mark}</NextMarker></EnumerationResults>", {"Content-Type": "application/xml"})
