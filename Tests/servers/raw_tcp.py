"""A server that is none of HTTP: raw_tcp.py HEX [first]

Prints its own port. To each connection it sends these bytes, once something has come (`first`: at once), and ends it. Ends when its
standard input closes.
"""

import socket
import socketserver
import sys
import threading

BYTES = bytes.fromhex(sys.argv[1])


class Raw(socketserver.BaseRequestHandler):
    def handle(self):
        if sys.argv[2:] != ["first"]:
            self.request.recv(65536)
        self.request.sendall(BYTES)
        # What is closed while something is unread is lost on its way.
        self.request.shutdown(socket.SHUT_WR)
        while self.request.recv(65536):
            pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


server = Server(("127.0.0.1", 0), Raw)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
