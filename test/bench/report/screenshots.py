#!/usr/bin/env python3
"""Pictures of a report: FOLDER/report-light.png and FOLDER/report-dark.png, and FOLDER/report-phone.png with --phone."""

import argparse
import pathlib
import sys

import browser

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("report", metavar="REPORT", type=pathlib.Path)
parser.add_argument("folder", metavar="FOLDER", type=pathlib.Path)
parser.add_argument("--phone", action="store_true", help="also as a phone shows it")
parser.add_argument("--height", type=int, default=1180, metavar="PIXELS", help="how much of it (default: %(default)s)")
arguments = parser.parse_args()
path = browser.find()
if not path:
    sys.exit("no browser is installed: script/bootstrap --all installs one")
looks = {"light": {}, "dark": {"dark": True}}
if arguments.phone:
    looks["phone"] = {"width": 375}
with browser.Browser(path) as opened:
    for name, look in looks.items():
        page = browser.Page(opened, arguments.report.resolve().as_uri(), **{"width": 1120, **look})
        page.screenshot(arguments.folder / f"report-{name}.png", width=page.width, height=arguments.height)
        page.close()
