"""An HTTP server that gives prepared answers: canned_http.py '[{"status":200,"headers":{},"body":""}, …]' [CERT KEY [old]]

Prints its own port. Each request gets the next answer, the last one over and over. An answer's `cut` closes the connection
after that many bytes of the body; its `drip` sends a byte of it every so many seconds. With CERT and KEY it speaks TLS, `old`: none later than 1.1. Ends when its standard input closes; prints one line `METHOD PATH HEADERS-AS-JSON` per request.
"""

import json
import os
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = json.loads(sys.argv[1])
LOCK = threading.Lock()


class Canned(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        with LOCK:
            answer = ANSWERS.pop(0) if len(ANSWERS) > 1 else ANSWERS[0]
            names = {name.lower(): value for name, value in self.headers.items()}
            print(self.command, self.path, json.dumps(names), flush=True)
        body = answer.get("body", "").encode()
        self.send_response_only(answer.get("status", 200))
        for name, value in answer.get("headers", {}).items():
            self.send_header(name, value)
        if "Content-Length" not in answer.get("headers", {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            body = body[: answer.get("cut", len(body))]
            for start in range(0, len(body), 1 if "drip" in answer else max(1, len(body))):
                self.wfile.write(body[start : start + 1] if "drip" in answer else body)
                time.sleep(answer.get("drip", 0))
        if "cut" in answer:
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Canned)
server.daemon_threads = True
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[2:4])
    if sys.argv[4:] == ["old"]:
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
    # A client that hangs up during the handshake is an OSError of accept, which the server passes over.
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
