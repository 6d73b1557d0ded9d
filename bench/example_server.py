"""A demo program's server in the hands of a measurement: it is started, what it holds is counted, and it is ended."""

import contextlib
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

MODE_TABLE = pathlib.Path(__file__).parent.parent / "run_server/socketserver/detail/mode.hpp"
MODES = sorted(re.findall(r'ModeEntry\{Mode::\w+, "([\w-]+)"', MODE_TABLE.read_text()))


class Failure(Exception):
    """A server that cannot be started, dies, or does not end as it should."""


@dataclasses.dataclass(frozen=True)
class Holdings:
    """What a server and its children hold."""

    memory: int  # the proportional set size without files, in KiB
    descriptors: int
    threads: int
    children: int


def entries(folder):
    return sum(1 for _ in folder.iterdir())


def children(pid):
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # the thread has just ended
            yield from map(int, (thread / "children").read_text().split())


def tree(pid):
    yield pid
    with contextlib.suppress(OSError):  # the process has just ended
        for child in children(pid):
            yield from tree(child)


def parent(pidfd):
    """The parent's number of a process that has not been reaped."""
    pid = next(line.split()[1] for line in pathlib.Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines()
               if line.startswith("Pid:"))
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def memory_of(process):
    """The proportional set size, but for files that are mapped: other programs share those."""
    lines = (process / "smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))


class ExampleServer:
    """A demo program that listens on a port of its own, ended with the block."""

    def __init__(self, build, program, *arguments):
        path = pathlib.Path(build) / "bin" / program
        if not path.exists():
            raise Failure(f"{path} is not there: script/build release {program}")
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([path, "--port", "0", *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.pid = self.process.pid
        ready = self.process.stdout.readline()
        found = re.search(r":(\d+)\b", ready)
        if not found:
            self.process.wait()
            raise Failure(f"{program} does not serve: {self.complaint() or ready}")
        self.port = int(found[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def complaint(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip()

    def kill_child(self, chance):
        """Kills one of its children by SIGKILL; returns whether there was one."""
        with contextlib.suppress(OSError):  # it has ended by itself
            victims = list(children(self.pid))
            if not victims:
                return False
            child = os.pidfd_open(chance.choice(victims))
            try:
                # The number could be another's by now; what the descriptor means stays the same.
                if parent(child) == self.pid:
                    signal.pidfd_send_signal(child, signal.SIGKILL)
                    return True
            finally:
                os.close(child)
        return False

    def holdings(self):
        """What it holds now. Of processes that end meanwhile, part may be counted."""
        if self.process.poll() is not None:
            raise Failure(f"the server has ended with {self.process.returncode}: {self.complaint()}")
        memory = descriptors = threads = processes = 0
        for pid in tree(self.pid):
            process = pathlib.Path(f"/proc/{pid}")
            with contextlib.suppress(OSError):
                memory += memory_of(process)
                descriptors += entries(process / "fd")
                threads += entries(process / "task")
                processes += 1
        return Holdings(memory, descriptors, threads, processes - 1)

    def end(self, within=60):
        """Ends it by SIGTERM."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        try:
            status = self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise Failure(f"the server has not ended {within} s after SIGTERM") from None
        if status != 0:
            raise Failure(f"the server has ended with {status}: {self.complaint()}")
        return time.monotonic() - begun
