"""What an honest S3 service does with the requests of navette. Nobody's signature is judged here."""

import base64
import hashlib
from xml.sax.saxutils import escape

from wire import Answer

WHEN = "2026-03-12T06:00:00.000Z"


def error(status, code, message="", headers=None):
    return Answer(status, f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>",
                  {"Content-Type": "application/xml", **(headers or {})})


def sha(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def told_of(request):
    """What the uploader says of the object, which stays with it."""
    return {name: value for name, value in request.headers.items() if name.startswith("x-amz-meta-")}


class S3:
    def __init__(self, bucket="bucket"):
        self.bucket, self.objects, self.uploads = bucket, {}, {}
        # Keys that got other bytes than they had: nobody may ever do that.
        self.overwritten = []
        # What a person moves away when all is over.
        self.wrong = []
        self.stored = []
        self.tags, self.composite, self.meta = {}, {}, {}

    def name(self, request):
        bucket, _, request.key = request.path.lstrip("/").partition("/")
        q, m = request.query, request.method
        if not request.key:
            request.op = "uploads" if "uploads" in q else "list"
        elif m == "POST":
            request.op = "begin" if "uploads" in q else "complete"
        elif "uploadId" in q:
            request.op = {"PUT": "part", "DELETE": "abort", "GET": "parts"}.get(m, m)
        else:
            request.op = {"PUT": "put", "GET": "get", "HEAD": "head", "DELETE": "delete"}.get(m, m)

    def tag(self, key):
        return self.tags.get(key) or f'"{hashlib.md5(self.objects[key]).hexdigest()}"'

    def store(self, key, data, tag=None):
        if self.objects.get(key, data) != data:
            self.overwritten.append(key)
        self.stored.append(key)
        self.objects[key] = data
        self.tags.pop(key, None)
        if tag:
            self.tags[key] = tag

    def truth(self, request):
        return getattr(self, "do_" + request.op, lambda _: error(501, "NotImplemented"))(request)

    def do_put(self, request):
        if request.headers.get("if-none-match") == "*" and request.key in self.objects:
            return error(412, "PreconditionFailed")
        told = request.headers.get("x-amz-checksum-sha256")
        if told and told != sha(request.body):
            return error(400, "BadDigest")
        self.store(request.key, request.body)
        self.meta[request.key] = told_of(request)
        headers = {"ETag": self.tag(request.key)}
        if told:
            headers["x-amz-checksum-sha256"] = told
        return Answer(200, headers=headers)

    def found(self, request):
        data = self.objects[request.key]
        headers = {"ETag": self.tag(request.key), "Last-Modified": "Thu, 12 Mar 2026 06:00:00 GMT", "Content-Type": "text/plain",
                   **self.meta.get(request.key, {})}
        if request.headers.get("x-amz-checksum-mode") and "-" not in self.tag(request.key):
            headers["x-amz-checksum-sha256"] = sha(data)
        elif request.headers.get("x-amz-checksum-mode") and request.key in self.composite:
            headers |= {"x-amz-checksum-sha256": self.composite[request.key], "x-amz-checksum-type": "COMPOSITE"}
        return data, headers

    def do_get(self, request):
        if request.key not in self.objects:
            return error(404, "NoSuchKey")
        return Answer(200, *self.found(request))

    def do_head(self, request):
        if request.key not in self.objects:
            return Answer(404)
        return Answer(200, *self.found(request))

    def do_delete(self, request):
        if "if-match" in request.headers and request.key in self.objects and request.headers["if-match"] != self.tag(request.key):
            return error(412, "PreconditionFailed")
        self.objects.pop(request.key, None)
        return Answer(204)

    def entry(self, key, size=None, tag=None, when=WHEN):
        size = len(self.objects[key]) if size is None else size
        tag = self.tag(key) if tag is None else tag
        return (f"<Contents><Key>{escape(key)}</Key><LastModified>{when}</LastModified><ETag>{escape(tag)}</ETag>"
                f"<Size>{size}</Size></Contents>")

    def entries(self, prefix):
        return [self.entry(key) for key in sorted(self.objects) if key.startswith(prefix)]

    def page(self, entries, mark=""):
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{mark}</NextContinuationToken>" if mark else (
            "<IsTruncated>false</IsTruncated>")
        return Answer(200, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult>"
                      f"<Name>{self.bucket}</Name>{more}{''.join(entries)}</ListBucketResult>", {"Content-Type": "application/xml"})

    def do_list(self, request):
        return self.page(self.entries(request.query.get("prefix", "")))

    # In parts

    def do_uploads(self, request):
        rows = "".join(f"<Upload><Key>{key}</Key><UploadId>{name}</UploadId></Upload>" for name, (key, _) in self.uploads.items())
        return Answer(200, f"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{rows}</ListMultipartUploadsResult>")

    def do_begin(self, request):
        name = f"upload-{len(self.uploads) + len(self.stored)}"
        self.uploads[name] = (request.key, {})
        self.meta[name] = told_of(request)
        return Answer(200, f"<InitiateMultipartUploadResult><Bucket>{self.bucket}</Bucket><Key>{request.key}</Key>"
                      f"<UploadId>{name}</UploadId></InitiateMultipartUploadResult>")

    def do_part(self, request):
        if request.query["uploadId"] not in self.uploads:
            return error(404, "NoSuchUpload")
        self.uploads[request.query["uploadId"]][1][int(request.query["partNumber"])] = request.body
        return Answer(200, headers={"ETag": f'"{hashlib.md5(request.body).hexdigest()}"', "x-amz-checksum-sha256": sha(request.body)})

    def do_parts(self, request):
        if request.query["uploadId"] not in self.uploads:
            return error(404, "NoSuchUpload")
        rows = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>\"{hashlib.md5(data).hexdigest()}\"</ETag><Size>{len(data)}</Size>"
            f"<ChecksumSHA256>{sha(data)}</ChecksumSHA256></Part>"
            for number, data in sorted(self.uploads[request.query["uploadId"]][1].items()))
        return Answer(200, f"<ListPartsResult><IsTruncated>false</IsTruncated>{rows}</ListPartsResult>")

    def do_complete(self, request):
        if request.query["uploadId"] not in self.uploads:
            return error(404, "NoSuchUpload")
        if request.headers.get("if-none-match") == "*" and request.key in self.objects:
            return error(412, "PreconditionFailed")
        _, parts = self.uploads.pop(request.query["uploadId"])
        self.meta[request.key] = self.meta.get(request.query["uploadId"], {})
        ordered = [parts[number] for number in sorted(parts)]
        whole = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in ordered)).hexdigest()
        self.store(request.key, b"".join(ordered), f'"{whole}-{len(ordered)}"')
        of_all = sha(b"".join(hashlib.sha256(part).digest() for part in ordered))
        self.composite[request.key] = f"{of_all}-{len(ordered)}"
        return Answer(200, f"<CompleteMultipartUploadResult><Key>{request.key}</Key><ETag>\"{whole}-{len(ordered)}\"</ETag>"
                      f"<ChecksumSHA256>{of_all}-{len(ordered)}</ChecksumSHA256></CompleteMultipartUploadResult>")

    def do_abort(self, request):
        self.uploads.pop(request.query["uploadId"], None)
        return Answer(204)
