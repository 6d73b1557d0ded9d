#!/usr/bin/env python3
"""CPython's socketserver, for socketserver-bench: lines come back.

    socketserver-bench --against 'python-threads=python3 bench/peers/socketserver_peer.py threading PORT' \\
                       --against 'python-forks=python3 bench/peers/socketserver_peer.py forking PORT'
"""

import os
import signal
import socketserver
import sys


class Echo(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


class Server:
    allow_reuse_address = True
    request_queue_size = 4096  # 5 loses connections


class Threading(Server, socketserver.ThreadingTCPServer):
    daemon_threads = True


class Forking(Server, socketserver.ForkingTCPServer):
    max_children = 10_000


kind, port = sys.argv[1], int(sys.argv[2])
with {"threading": Threading, "forking": Forking}[kind](("127.0.0.1", port), Echo) as server:
    parent = os.getpid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit() if os.getpid() == parent else os._exit(0))
    server.block_on_close = kind == "forking"  # what children have used counts once they were waited for
    server.serve_forever(poll_interval=0.05)
