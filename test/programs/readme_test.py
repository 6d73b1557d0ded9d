#!/usr/bin/env python3
"""Whether the programs in README's table are there after what README says to type.

usage: readme_test.py README FOLDER

Each program of the table stands in FOLDER and answers --version and --help.
"""

import re
import subprocess
import sys
from pathlib import Path


def main() -> int:
    readme, folder = Path(sys.argv[1]), Path(sys.argv[2])
    section = re.search(r"^## Programs$(.*?)^## ", readme.read_text(), re.MULTILINE | re.DOTALL)
    programs = re.findall(r"^\| `(\w+)` \|", section[1] if section else "", re.MULTILINE)
    if len(programs) < 2:
        print(f"{readme} has no table of programs")
        return 1
    faults = []
    for program in programs:
        for option, expected in (("--version", f"{program} (socketserver "), ("--help", f"usage: {program} ")):
            try:
                ran = subprocess.run([folder / program, option], capture_output=True, text=True, timeout=60)
            except FileNotFoundError:
                faults.append(f"{folder / program} is not there")
                break
            if ran.returncode != 0 or not ran.stdout.startswith(expected) or ran.stderr:
                faults.append(f"{program} {option}: status {ran.returncode}, {(ran.stdout + ran.stderr)[:200]!r}")
    for fault in faults:
        print(fault)
    print(f"{len(programs)} programs, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
