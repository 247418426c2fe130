"""Lies that S3 and Azure tell in their own words."""

import azure
import itertools
import s3
import time

from http_lies import HTML, body, changed, cut, headers, of
from lies import lie
from wire import Answer, Hangup

S3, AZ = ("s3",), ("azblob",)
ERROR = {"s3": s3.error, "azblob": azure.error}


# Refusals

for status, code, held in (
        (403, "AccessDenied", False), (403, "SignatureDoesNotMatch", False), (403, "RequestTimeTooSkewed", False), (403, "InvalidAccessKeyId", False),
        (404, "NoSuchBucket", False), (400, "ExpiredToken", False), (503, "SlowDown", False), (500, "InternalError", False),
        (400, "InvalidRequest", True), (409, "OperationAborted", True), (409, "ConditionalRequestConflict", True), (200, "InternalError", False),
        (400, "AuthorizationHeaderMalformed", False), (301, "PermanentRedirect", False), (404, "NoSuchKey", True), (412, "PreconditionFailed", True)):
    lie(f"says-{status}-{code}", S3, held=held)(lambda talk, request, s=status, c=code: s3.error(s, c))
for status, code, held in (
        (403, "AuthenticationFailed", False), (403, "AuthorizationFailure", False), (404, "ContainerNotFound", False), (503, "ServerBusy", False),
        (500, "InternalError", False), (409, "ContainerBeingDeleted", False), (409, "ContainerDisabled", False), (409, "BlobImmutableDueToPolicy", True),
        (412, "LeaseIdMissing", True), (409, "BlobAlreadyExists", True), (403, "AccountIsDisabled", False), (409, "SnapshotsPresent", True),
        (404, "BlobNotFound", True), (400, "InvalidHeaderValue", True), (409, "BlobBeingRehydrated", True), (409, "BlobArchived", True)):
    lie(f"says-{status}-{code}", AZ, held=held)(lambda talk, request, s=status, c=code: azure.error(s, c))

# After what was asked is done

for status, code in ((409, "BlobImmutableDueToPolicy"), (412, "LeaseIdMissing"), (409, "BlobAlreadyExists"), (412, "ConditionNotMet"), (500, "OperationTimedOut"),
                     (403, "UnauthorizedBlobOverwrite")):
    lie(f"put-done-{code}", AZ, told=None)(of({"put"}, lambda talk, request, s=status, c=code: (talk.server.truth(request), azure.error(s, c))[1]))
for status, code in ((412, "PreconditionFailed"), (409, "ConditionalRequestConflict"), (500, "InternalError"), (403, "AccessDenied"), (200, "InternalError")):
    lie(f"put-done-{status}-{code}", S3, told=None, held=code == "AccessDenied")(
        of({"put"}, lambda talk, request, s=status, c=code: (talk.server.truth(request), s3.error(s, c))[1]))


def ignoring(talk, request):
    """Conditions are passed over."""
    for name in ("if-none-match", "if-match"):
        request.headers.pop(name, None)
    return talk.server.truth(request)


lie("ignores-conditions", told=None)(ignoring)


def ignoring_lost(talk, request):
    if request.op != "put":
        return ignoring(talk, request)
    ignoring(talk, request)
    talk.reset()
    return None


lie("ignores-conditions-lost-reply")(ignoring_lost)

# Digests

ZERO = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
lie("put-other-checksum", S3, held=True)(changed(headers(x_amz_checksum_sha256=ZERO), ("put",)))
lie("put-empty-checksum", S3, told=None, held=True)(changed(headers(x_amz_checksum_sha256="", ETag=""), ("put",)))
lie("put-odd-checksum", S3, told=None, held=True)(changed(headers(x_amz_checksum_sha256="???", ETag="W/\"\""), ("put",)))
lie("all-other-checksum", S3, held=True)(changed(headers(x_amz_checksum_sha256=ZERO), ("put", "head", "get")))
lie("all-no-evidence", S3, held=True)(changed(headers(x_amz_checksum_sha256=None, ETag=None), ("put", "head", "get")))
lie("get-other-checksum", S3)(changed(headers(x_amz_checksum_sha256=ZERO)))
lie("put-other-md5", AZ, held=True)(changed(headers(Content_MD5="AAAAAAAAAAAAAAAAAAAAAA=="), ("put",)))
lie("head-other-md5", AZ, told=None, held=True)(changed(headers(Content_MD5="AAAAAAAAAAAAAAAAAAAAAA=="), ("head",)))
lie("get-other-md5", AZ)(changed(headers(Content_MD5="AAAAAAAAAAAAAAAAAAAAAA==")))
lie("get-odd-md5", AZ, told=None)(changed(headers(Content_MD5="????")))


def stores_other(talk, request):
    """Takes it, says so, and keeps something else."""
    answer = talk.server.truth(request)
    if request.op == "put" and talk.server.first("put " + request.key) and request.key in talk.server.dialect.objects:
        talk.server.dialect.objects[request.key] = request.body[:-9] + b"\0" * 9
        # A person moves it away before the truth is told.
        talk.server.wrong.add(request.key)
        talk.server.dialect.wrong.append(request.key)
        answer.headers = {}
    return answer


# Azure tells the digest that it was told, so that nothing but reading back would show it there.
lie("keeps-other-bytes", S3, held=True)(stores_other)

# Lists

def listed(make, **traits):
    """Another list: of what `make` gives, beside what is there."""
    def tell(talk, request):
        if request.op != "list":
            return talk.server.truth(request)
        return make(talk.server, request)
    return tell


def beside(*entries):
    def make(server, request):
        d = server.dialect
        return d.page([d.entry(*one) for one in entries] + d.entries(request.query.get("prefix", "")))
    return listed(make)


def marks(names):
    names = itertools.cycle(names) if isinstance(names, list) else names
    return listed(lambda server, request: server.dialect.page([server.dialect.entry(f"drops/{time.monotonic_ns()}.csv", 9, '"t"')], next(names)))


lie("list-same-mark")(marks(["again"]))
lie("list-marks-in-turn")(marks(["a", "b"]))
lie("list-new-marks", busy=True)(marks(f"m{n}" for n in itertools.count()))
lie("list-empty-pages", busy=True, told=None)(listed(lambda server, request: server.dialect.page([], f"m{time.monotonic_ns()}")))
lie("list-mark-huge", told=None)(listed(lambda server, request: server.dialect.page([], "m" * 1_000_000)))
lie("list-twice", told=None, extra=True)(listed(lambda server, request: server.dialect.page(server.dialect.entries("drops/") * 2)))
ODD = {
    "dotdot": "drops/../../../../tmp/liar-escaped.csv", "absolute": "drops//etc/liar-escaped.csv", "nul": "drops/a&#0;b.csv", "long": "drops/" + "k" * 5000 + ".csv",
    "lines": "drops/a\nb.csv", "outside": "elsewhere/a.csv", "empty": "", "prefix": "drops/", "folder": "drops/folder/", "hidden": "drops/.hidden.csv",
    "backslash": "drops/a\\b.csv", "quote": "drops/a\"'b.csv", "control": "drops/a\x1b[31mb.csv", "utf8": "drops/\udcff\udcfe.csv", "dot": "drops/."}
for name, key in ODD.items():
    lie(f"list-key-{name}", told=None, extra=True)(beside((key, 58, '"t"')))
for name, size in (("huge", 1 << 63), ("over", 1 << 65), ("negative", -1), ("word", "many"), ("none", ""), ("most", 1 << 50)):
    lie(f"list-size-{name}", extra=True)(beside(("drops/odd.csv", size, '"t"')))
for name, when in (("future", "2999-01-01T00:00:00.000Z"), ("1970", "1970-01-01T00:00:00Z"), ("word", "yesterday"), ("year0", "0000-00-00T00:00:00Z")):
    lie(f"list-time-{name}", told=None, extra=True)(beside(("drops/odd.csv", 58, '"t"', when)))
    # The same of what is fetched and handed over.
    lie(f"list-good-time-{name}", told=None, extra=True)(listed(lambda server, request, w=when: server.dialect.page(
        [server.dialect.entry(key, None, None, w) for key in server.dialect.objects if key.startswith(request.query.get("prefix", ""))])))


def sizes(by):
    def make(server, request):
        d = server.dialect
        return d.page([d.entry(key, len(data) + by) for key, data in d.objects.items() if key.startswith("drops/")])
    return listed(make)


lie("list-size-more")(sizes(5))
lie("list-size-less")(sizes(-5))
lie("list-size-1", told=True)(sizes(-30))
lie("list-absent", told=None)(listed(lambda server, request: server.dialect.page([beside and server.dialect.entry("drops/gone.csv", 5, '"t"')])))


def tag_new(server, request):
    d = server.dialect
    return d.page([d.entry(key, None, f'"{time.monotonic_ns()}"') for key in d.objects if key.startswith("drops/")])


lie("list-tag-new-each-time", told=None)(listed(tag_new))
LAUGHS = "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"ha\">" + "".join(
    f"<!ENTITY {b} \"{('&' + a + ';') * 10}\">" for a, b in zip("abcdefghi", "bcdefghij")) + "]>"
XML = {
    "invalid": "<ListBucketResult><Contents><Key>a", "laughs": LAUGHS + "<ListBucketResult><Contents><Key>&j;</Key></Contents></ListBucketResult>",
    "external": "<!DOCTYPE l [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><ListBucketResult><Contents><Key>drops/&a;</Key><Size>5</Size></Contents></ListBucketResult>",
    "deep": "<a>" * 200_000, "nothing": "", "other": "<?xml version=\"1.0\"?><html/>", "json": "{\"Contents\":[]}", "utf16": "<a/>".encode("utf-16")}
for name, text in XML.items():
    lie(f"list-xml-{name}")(listed(lambda server, request, t=text: Answer(200, t, {"Content-Type": "application/xml"})))


def huge(talk, request):
    if request.op != "list":
        return talk.server.truth(request)
    d = talk.server.dialect
    piece = (d.entry("drops/many.csv", 5, '"t"') * 300).encode()
    talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100_000_000 // len(piece)):
        talk.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
    raise Hangup


lie("list-xml-100MB", busy=True)(huge)
lie("error-huge")(lambda talk, request: Answer(403, b"<Error><Code>" + b"A" * 1_000_000 + b"</Code></Error>"))
lie("error-text")(lambda talk, request: ERROR["s3" if type(talk.server.dialect).__name__ == "S3" else "azblob"](
    403, "Optional(1000)\nFAKE&#10;\x1b[31m", "user@example.net said\r\nno &lt;b&gt;" * 20))

# In parts

BIG = {"big": True, "lasts": 12}
lie("part-tag-wrong", S3, held=True, **BIG)(changed(headers(ETag='"00000000000000000000000000000000"', x_amz_checksum_sha256=ZERO), ("part",)))
lie("part-tag-none", S3, **BIG)(changed(headers(ETag=None), ("part",)))
lie("part-lost-reply", told=None, **BIG)(of({"part"}, cut(lambda head, all: 0, True)))
lie("complete-error-200", S3, **BIG)(of({"complete"}, lambda talk, request: s3.error(200, "InternalError")))
lie("complete-html", told=None, held=True, **BIG)(of({"complete"}, lambda talk, request: Answer(200, HTML)))
lie("complete-lost-reply", told=None, **BIG)(of({"complete"}, cut(lambda head, all: 0, True)))
lie("complete-done-500", told=None, **BIG)(of({"complete"}, lambda talk, request: (talk.server.truth(request), Answer(500))[1]))
lie("abort-refused", S3, held=True, **BIG)(of({"abort", "complete"}, lambda talk, request: s3.error(403 if request.op == "abort" else 400, "InvalidPart")))
lie("upload-gone", S3, **BIG)(of({"part", "complete"}, lambda talk, request: s3.error(404, "NoSuchUpload")))
lie("begin-no-id", S3, **BIG)(of({"begin"}, lambda talk, request: Answer(200, "<InitiateMultipartUploadResult/>")))
lie("uploads-endless", S3, told=None, **BIG)(of({"uploads"}, lambda talk, request: Answer(
    200, "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker><NextUploadIdMarker>b</NextUploadIdMarker></ListMultipartUploadsResult>")))
lie("blocks-unknown", AZ, held=True, **BIG)(of({"complete"}, lambda talk, request: azure.error(400, "InvalidBlockList")))
lie("block-wrong-md5", AZ, told=None, held=True, **BIG)(lambda talk, request: (talk.server.truth(request) if request.op != "part" else (
    talk.server.truth(request), Answer(201, headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}))[1]))
lie("block-wrong-crc", AZ, **BIG)(lambda talk, request: (talk.server.truth(request) if request.op != "part" else (
    talk.server.truth(request), Answer(201, headers={"x-ms-content-crc64": "AAAAAAAAAAA="}))[1]))
