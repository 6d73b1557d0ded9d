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
import time
from pathlib import Path


def extract(readme: str, source: str) -> None:
    blocks = re.findall(r"^```cpp\n(.*?)^```$", Path(readme).read_text(), re.MULTILINE | re.DOTALL)
    example, replaced = re.subn(r'\{"", \d+\}', '{"", 0}', next(block for block in blocks if "int main" in block))
    if replaced != 1:
        sys.exit(f"{readme}: its first server names no port")
    Path(source).write_text(example)


def port_of(pid: int) -> int:
    """Where a process listens, once it does."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        sockets = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
        for line in Path(f"/proc/{pid}/net/tcp6").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                return int(fields[1].rpartition(":")[2], 16)
        time.sleep(0.01)
    sys.exit("it does not listen")


def serve_once(program: str, signals: list[signal.Signals], status: int, message: str) -> None:
    with subprocess.Popen([program], stderr=subprocess.PIPE, text=True) as server:
        try:
            with socket.create_connection(("127.0.0.1", port_of(server.pid)), timeout=60) as client:
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
