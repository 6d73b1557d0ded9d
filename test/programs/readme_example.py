#!/usr/bin/env python3
"""README's first server.

usage: readme_example.py extract README SOURCE    writes it, on any free port
       readme_example.py try PROGRAM              does it serve, end in order on Ctrl-C, and at once on a second signal?
"""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path


def extract(readme: str, source: str) -> None:
    blocks = re.findall(r"^```cpp\n(.*?)^```$", Path(readme).read_text(), re.MULTILINE | re.DOTALL)
    example, replaced = re.subn(r'\{"", \d+\}', '{"", 0}', next(block for block in blocks if "int main" in block))
    if replaced != 1:
        sys.exit(f"{readme}: its first server names no port")
    Path(source).write_text(example)


def serve_once(program: str, signals: list[signal.Signals], status: int, message: str) -> None:
    with subprocess.Popen([program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            listening = server.stdout.readline()
            assert listening.startswith("listening on "), listening
            port = int(listening.rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                client.sendall(b"hello\n")
                replies = client.makefile("rb")
                reply = replies.readline()
                assert reply.endswith(b"] hello\n"), reply
                # All of them together, however slow this machine is.
                for each in [signal.SIGSTOP, *signals, signal.SIGCONT]:
                    server.send_signal(each)
                assert replies.read() == b""
            told = server.communicate(timeout=60)[1]
            assert (server.returncode, told) == (status, message), (server.returncode, told)
        finally:
            server.kill()


def main() -> None:
    match sys.argv[1:]:
        case ["extract", readme, source]:
            extract(readme, source)
        case ["try", program]:
            serve_once(program, [signal.SIGINT], 0, "")
            cut = f"{Path(program).name}: 1 request cut short by a second signal\n"
            serve_once(program, [signal.SIGINT, signal.SIGTERM], 1, cut)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
