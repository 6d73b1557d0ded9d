#!/usr/bin/env python3
"""Whether the lines of code that ARCHITECTURE.md quotes for the life of a request are there.

usage: architecture_test.py PROJECT
"""

import re
import sys
from pathlib import Path

# Of each mode that gets requests itself.
STEPS = ["wait", "get", "verify", "process", "serve", "end", "stop"]


def main() -> int:
    project = Path(sys.argv[1])
    text = (project / "ARCHITECTURE.md").read_text()
    section = re.search(r"^### The life of a request in the code\n(.*?)^### ", text, re.MULTILINE | re.DOTALL)
    tables = re.findall(r"^\*\*(.+?)\*\*\n\n\|.*\n\|.*\n((?:\|.*\n)+)", section[1] if section else "", re.MULTILINE)
    faults = []
    quoted = 0
    for mode, rows in tables:
        steps = []
        for row in rows.splitlines():
            step, file, line = re.fullmatch(r"\| (\w*) ?\| `(.+?)` \| `(.+)` \|", row).groups()
            steps.append(step)
            quoted += 1
            line = line.replace("&#124;", "|")
            lines = (project / "servers/socketserver" / file).read_text().splitlines()
            if line not in (each.strip() for each in lines):
                faults.append(f"{mode}: {file} has no line {line!r}")
        if not mode.startswith("Preforking") and [step for step in steps if step in STEPS] != STEPS:
            faults.append(f"{mode}: its steps are {steps}, not {STEPS}")
    modes = {mode for names, _ in tables for mode in re.findall(r"[A-Z]\w+", names)}
    for header in (project / "servers/socketserver/concurrency").glob("*.hpp"):
        mode = "".join(word.capitalize() for word in header.stem.split("_"))
        if mode not in modes:
            faults.append(f"there is no table of {mode}")
    for fault in faults:
        print(fault)
    print(f"{quoted} lines quoted, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
