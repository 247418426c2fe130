"""Lies that any service can tell over HTTP, whatever it stores."""

import os
import time

from lies import lie
from wire import Answer, Hangup

HTML = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body><form action='/login'>Please sign in</form></body></html>\n"
OPS = {"put", "get", "list", "head", "delete"}
# What changes something, with the answer that is lost.
WRITES = ("put", "delete")


def html(status, headers=None):
    return Answer(status, HTML, {"Content-Type": "text/html", **(headers or {})})


def of(ops, otherwise):
    """The lie for these requests alone."""
    return lambda talk, request: otherwise(talk, request) if request.op in ops else talk.server.truth(request)


lie("html-200")(lambda talk, request: html(200))
for op in sorted(OPS):
    lie(f"html-200-{op}", told=None if op in ("head", "delete") else True, held=op == "head", deletes=op == "delete")(of({op}, lambda talk, request: html(200)))
lie("html-403")(lambda talk, request: html(403))
lie("html-502")(lambda talk, request: html(502))
lie("html-404")(lambda talk, request: html(404))
lie("html-511")(lambda talk, request: html(511))
for status in (204, 206, 304, 400, 401, 407, 408, 409, 412, 413, 416, 429, 500, 501, 503, 507, 999):
    # 400, 411, 413: what no retry heals.
    lie(f"status-{status}", held=status in (204, 206, 400, 409, 412, 413, 416, 501))(lambda talk, request, s=status: Answer(s))
for status in (0, 99, 1000, -200):
    lie(f"status-odd{status}", held=True)(lambda talk, request, s=status: Answer(s))
lie("retry-after-year", slow=True)(lambda talk, request: Answer(503, headers={"Retry-After": "31536000"}))
lie("retry-after-0")(lambda talk, request: Answer(503, headers={"Retry-After": "0"}))
lie("retry-after-negative")(lambda talk, request: Answer(429, headers={"Retry-After": "-5"}))
lie("retry-after-1970")(lambda talk, request: Answer(503, headers={"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}))


def send(data, then="close"):
    """Whatever was asked, so many bytes."""
    def tell(talk, request):
        talk.send(data)
        if then == "hang":
            talk.hang()
        raise Hangup
    return tell


lie("http09")(send(HTML))
lie("http2-preface")(send(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80\x00\x04\x00\x01\x00\x00\x00\x05\x00\xff\xff\xff", "hang"))
lie("tls-alert")(send(b"\x15\x03\x03\x00\x02\x02\x28"))
lie("ssh-banner", raw=True)(send(b"SSH-2.0-OpenSSH_9.2p1\r\n", "hang"))
lie("smtp-banner", raw=True)(send(b"220 mail.example.net ESMTP\r\n", "hang"))
lie("plain-at-tls", raw=True, tls=True)(send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
lie("hang-at-tls", raw=True, tls=True)(lambda talk, request: talk.hang())
lie("garbage")(lambda talk, request: send(os.urandom(4096))(talk, request))
lie("nothing-then-close")(send(b""))
lie("accepts-and-hangs", raw=True)(lambda talk, request: talk.hang())
lie("resets-at-once", raw=True)(lambda talk, request: talk.reset())
lie("hangs-before-body", before_body=True)(lambda talk, request: talk.hang())
lie("answers-before-body", before_body=True, held=True)(send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
lie("refuses-before-body", before_body=True)(send(b"HTTP/1.1 503 Slow\r\nContent-Length: 0\r\n\r\n"))
lie("hangs-before-answer")(lambda talk, request: talk.hang())
lie("headers-cut")(send(b"HTTP/1.1 200 OK\r\nContent-Le"))
lie("headers-hang")(send(b"HTTP/1.1 200 OK\r\nContent-Le", "hang"))
lie("lf-alone", told=None, held=True)(send(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"))
lie("nul-header", held=True)(send(b"HTTP/1.1 200 OK\r\nX-A: \x00\x01\r\nContent-Length: 0\r\n\r\n"))
lie("length-negative")(send(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "hang"))
lie("length-word")(send(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "hang"))
lie("length-absurd")(send(b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n", "hang"))
lie("length-most")(send(b"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n", "hang"))
lie("length-twice")(send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nabcde"))
lie("chunk-absurd")(send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc", "hang"))
lie("chunk-negative")(send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc", "hang"))
lie("gzip-body")(send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + b"\x1f\x8b" + b"x" * 18))


def endless(head, piece, pause=0.005):
    def tell(talk, request):
        talk.send(head)
        while not talk.server.ended:
            talk.send(piece)
            time.sleep(pause)
        raise Hangup
    return tell


OK = b"HTTP/1.1 200 OK\r\n"
lie("endless-body", busy=True)(endless(OK + b"\r\n", b"x" * 16384))
lie("endless-chunks", busy=True)(endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + b"x" * 16384 + b"\r\n"))
lie("endless-error", busy=True)(endless(b"HTTP/1.1 503 Slow\r\n\r\n", b"x" * 16384))
lie("endless-headers", busy=True)(endless(OK, b"X-A: " + b"x" * 1000 + b"\r\n"))
lie("endless-header", busy=True)(endless(OK + b"X-A: ", b"x" * 1000))
lie("endless-100", busy=True)(endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 40))
lie("endless-trailers", busy=True)(endless(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: " + b"x" * 1000 + b"\r\n"))
lie("drip-status")(endless(b"", b"H", 1))
lie("drip-headers")(endless(OK + b"X-A: ", b"x", 1))
lie("drip-body")(endless(OK + b"Content-Length: 100000\r\n\r\n", b"<", 1))
lie("drip-error")(endless(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100000\r\n\r\n", b"<", 1))


def moved(status, where):
    return lambda talk, request: Answer(status, headers={"Location": where(talk, request)} if where else {})


def here(talk, request):
    return f"http://127.0.0.1:{talk.server.port}{request.target}"


for status in (301, 302, 303, 307, 308):
    lie(f"moved-{status}-to-itself")(moved(status, here))
lie("moved-307-elsewhere")(moved(307, lambda talk, request: "http://127.0.0.1:9/elsewhere"))
lie("moved-307-file")(moved(307, lambda talk, request: "file:///etc/passwd"))
lie("moved-301-nowhere")(moved(301, None))
lie("moved-307-odd")(moved(307, lambda talk, request: "http://[::1/\x01"))
lie("moved-longer")(moved(307, lambda talk, request: here(talk, request) + "x"))


# The connection ends: at each step, and after what was asked is done.

def cut(part, reset):
    def tell(talk, request):
        answer = talk.server.truth(request)
        data = answer.head() + answer.body
        talk.send(data[: part(len(answer.head()), len(data))])
        if reset:
            talk.reset()
        raise Hangup
    return tell


STEPS = {"before-answer": lambda head, all: 0, "within-headers": lambda head, all: head // 2, "within-body": lambda head, all: (head + all) // 2}
for step, part in STEPS.items():
    lie(f"reset-{step}", told=None)(cut(part, True))
    lie(f"close-{step}", told=None)(cut(part, False))
for op in WRITES:
    lie(f"lost-reply-{op}", told=None, deletes=op == "delete")(of({op}, cut(lambda head, all: 0, True)))
    lie(f"late-reply-{op}", told=None, deletes=op == "delete")(of({op}, lambda talk, request: (talk.server.truth(request), talk.hang())))
    lie(f"lost-reply-{op}-503", told=None, deletes=op == "delete")(of({op}, lambda talk, request: (talk.server.truth(request), Answer(503))[1]))
    lie(f"lost-reply-{op}-403", told=None, deletes=op == "delete")(of({op}, lambda talk, request: (talk.server.truth(request), html(403))[1]))
    lie(f"not-done-{op}", told=None if op == "delete" else True, held=True, deletes=op == "delete")(of({op}, lambda talk, request: Answer(204 if request.op == "delete" else 200)))
for status in (400, 403, 404, 409, 412, 500):
    # Gone already, and another one by now: then there is nothing to delete.
    lie(f"delete-{status}", told=None, deletes=True, held=status in (404, 412))(of({"delete"}, lambda talk, request, s=status: Answer(s)))


def newer(talk, request):
    """Just before it is deleted another one takes its place: that one must stay, and come."""
    dialect = talk.server.dialect
    if request.op == "delete" and request.key == "drops/good.csv" and talk.server.first("newer"):
        with talk.server.lock:
            dialect.tags[request.key] = '"0xNEWER"'
    return talk.server.truth(request)


lie("newer-before-delete", told=None, deletes=True, extra=True, times=2)(newer)


def changed(change, ops=("get",)):
    """The truth, and one thing of it is not."""
    def tell(talk, request):
        answer = talk.server.truth(request)
        if request.op in ops and answer.status in (200, 201):
            change(answer)
        return answer
    return tell


def length(by):
    def change(answer):
        answer.length += by
    return change


def body(make):
    def change(answer):
        answer.body = make(answer.body)
        answer.length = len(answer.body)
    return change


def headers(**values):
    def change(answer):
        for name, value in values.items():
            answer.headers = {n: v for n, v in answer.headers.items() if n.lower() != name.replace("_", "-").lower()}
            if value is not None:
                answer.headers[name.replace("_", "-")] = value
    return change


lie("get-longer")(changed(body(lambda data: data + b"9,extra\n")))
lie("get-shorter")(changed(body(lambda data: data[:-7])))
lie("get-empty")(changed(body(lambda data: b"")))
lie("get-length-more")(changed(length(50)))
lie("get-length-less")(changed(length(-7)))
lie("list-length-more")(changed(length(50), ("list",)))
lie("list-length-less")(changed(length(-7), ("list",)))
lie("get-other-tag")(changed(headers(ETag='"00000000000000000000000000000000"')))
lie("get-flipped")(changed(body(lambda data: data[:-4] + b"X" + data[-3:])))
lie("head-size-0", told=None, held=True)(changed(headers(Content_Length="0"), ("head",)))
lie("head-size-huge", told=None, held=True)(changed(headers(Content_Length="9999999999999"), ("head",)))
lie("head-no-size", told=None, held=True)(changed(headers(Content_Length="x"), ("head",)))
lie("put-other-tag", told=None, held=True)(changed(headers(ETag='"ffffffffffffffffffffffffffffffff"'), ("put",)))
