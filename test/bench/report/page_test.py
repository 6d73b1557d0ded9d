#!/usr/bin/env python3
"""Opens reports in a headless Chromium: no error, no outside request, every plot there, and numbers for those who do not see it.

Ends with 77 (skipped) where there is no browser, unless SOCKETSERVER_TEST_BROWSER=required."""

import argparse
import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import browser

STRANGE = "</script><b id=strange>&lt;\u2028'\""

# What is wrong with a page, as its own numbers tell.
FIND_FAULTS = """(width => {
    const faults = [];
    const expect = (right, what) => right || faults.push(what);
    for (const plot of document.querySelectorAll('[data-plot]')) {
        const name = plot.dataset.plot;
        expect(plot.dataset.drawn === 'true', `${name} was not drawn`);
        expect(plot.getAttribute('role') === 'img' && plot.getAttribute('aria-label'), `${name} has no description`);
        const canvas = plot.querySelector('canvas');
        const colours = new Set();
        if (canvas) {
            const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            for (let i = 0; i < data.length; i += 4)
                if (data[i + 3] === 255)
                    colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
        }
        expect(colours.size > 3, `${name} is empty`);
        const tables = plot.parentElement.querySelectorAll('details table');
        expect(tables.length > 0, `${name} has no numbers`);
        for (const table of tables) {
            expect(table.caption?.textContent, `${name}: a table has no caption`);
            expect(table.tBodies[0].rows.length > 0, `${name}: a table is empty`);
            for (const heading of table.querySelectorAll('th'))
                expect(heading.scope, `${name}: a heading of a table has no scope`);
            for (const row of table.rows)
                expect(row.cells.length === table.rows[0].cells.length, `${name}: rows differ in length`);
        }
    }
    let before = 0;
    for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
        const level = Number(heading.tagName[1]);
        expect(level <= before + 1, `heading ${heading.textContent} stands too deep`);
        before = level;
    }
    expect(document.querySelectorAll('h1').length === 1, 'there is not one main heading');
    expect(document.documentElement.lang === 'en', 'no language');
    expect(document.title.includes('socketserver-bench'), 'no title');
    expect(document.documentElement.dataset.ready === 'true', 'the script did not come to its end');
    const ids = [...document.querySelectorAll('[id]')].map(each => each.id);
    expect(new Set(ids).size === ids.length, 'an id stands twice');
    expect(!/undefined|NaN|\\[object/.test(document.body.innerText), 'a value was not made into text');
    expect(document.documentElement.scrollWidth <= width, `wider than ${width}`);
    return faults;
})"""

PLOTS = "[...document.querySelectorAll('[data-plot]')].map(each => each.dataset.plot)"


class Reports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.browser = cls.enterClassContext(browser.Browser(browser.find()))
        cls.example = json.loads(pathlib.Path(arguments.example).read_text(encoding="utf-8"))

    def report(self, results):
        """The URL of a report."""
        made = subprocess.run([arguments.render], input=json.dumps(results).encode(), stdout=subprocess.PIPE, check=True)
        path = self.folder / "report.html"
        path.write_bytes(made.stdout)
        return path.as_uri()

    def open(self, url, **look):
        page = browser.Page(self.browser, url, **look)
        self.addCleanup(page.close)
        return page

    def faults(self, page):
        return page.evaluate(f"{FIND_FAULTS}({page.width})")

    def expect_faultless(self, page, url):
        self.assertEqual(page.complaints, [])
        self.assertEqual(page.requests, [url])
        self.assertEqual(self.faults(page), [])

    def test_every_plot_of_the_example_is_there(self):
        url = self.report(self.example)
        expected = [f"{shape}/{plot}" for shape, plots in {
            "keepalive": ("throughput", "latency", "percentiles", "open-loop", "cpu", "memory"),
            "pipelined-16": ("throughput", "latency", "percentiles", "cpu", "memory"),
            "connect": ("throughput", "latency", "percentiles", "cpu"),
            "udp": ("throughput", "latency", "percentiles", "cpu"),
            "idle": ("memory",),
        }.items() for plot in plots]
        for look in ({}, {"dark": True}, {"width": 375}):
            with self.subTest(look):
                page = self.open(url, **look)
                self.expect_faultless(page, url)
                self.assertEqual(page.evaluate(PLOTS), expected)
                text = page.evaluate("document.body.innerText")
                for told in self.example["advice"] + self.example["warnings"]:
                    self.assertIn(told, text)
                for told in ("6.1.0-18-amd64", "GNU 12.2.0", "AMD EPYC", "--against 'python-threading=python3"):
                    self.assertIn(told, text)

    def test_choices_redraw_the_plot_and_its_numbers(self):
        url = self.report(self.example)
        page = self.open(url)
        before = page.evaluate("document.querySelector('[data-plot=\"keepalive/latency\"]').ariaLabel")
        self.assertIn("99 %", before.replace("\u00a0", " "))
        page.evaluate("""for (const select of document.querySelectorAll('select'))
            for (const option of [...select.options]) {
                select.value = option.value;
                select.dispatchEvent(new Event('change'));
            }""")
        after = page.evaluate("document.querySelector('[data-plot=\"keepalive/latency\"]').ariaLabel")
        self.assertIn("longest", after)
        self.assertEqual(page.complaints, [])

    def test_modes_can_be_hidden(self):
        url = self.report(self.example)
        page = self.open(url)
        page.evaluate("for (const button of document.querySelectorAll('.legend button')) button.click()")
        self.assertEqual(page.complaints, [])
        page.evaluate("for (const button of document.querySelectorAll('.legend button')) button.click()")
        self.expect_faultless(page, url)

    def test_a_pointer_is_told_the_numbers(self):
        url = self.report(self.example)
        page = self.open(url)
        for plot in ("keepalive/throughput", "pipelined-16/throughput"):
            with self.subTest(plot):
                page.evaluate(f"document.querySelector('[data-plot=\"{plot}\"]').scrollIntoView({{behavior: 'instant', block: 'center'}})")
                where = page.evaluate(f"document.querySelector('[data-plot=\"{plot}\"] .u-over').getBoundingClientRect().toJSON()")
                for share in (0.4, 0.5):
                    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=where["x"] + where["width"] * share,
                              y=where["y"] + where["height"] * share)
                # The plot moves its cursor with the frame after the event.
                text = page.evaluate(f"""new Promise(done => {{
                    const box = document.querySelector('[data-plot="{plot}"] .tooltip');
                    const look = () => box.hidden ? requestAnimationFrame(look) : done(box.textContent);
                    look();
                }})""")
                self.assertRegex(text, r"(selecting|preforking|threading|thread-pool|forking) .*\d")
        self.assertEqual(page.complaints, [])

    def test_one_mode_alone(self):
        results = copy.deepcopy(self.example)
        results["measurements"] = [each for each in results["measurements"] if each["mode"] == "selecting"]
        url = self.report(results)
        page = self.open(url)
        self.expect_faultless(page, url)
        self.assertEqual(len(page.evaluate(PLOTS)), 20)

    def test_without_open_loop_and_with_one_run(self):
        results = copy.deepcopy(self.example)
        results["measurements"] = [each for each in results["measurements"] if each["loop"] != "open"]
        for each in results["measurements"]:
            each["memory_bytes_per_connection"] = None
            for figure in (each["rate"], each["cpu_us_per_request"], *(each["latency"] or {}).values()):
                if figure:
                    figure["least"] = figure["greatest"] = figure["median"]
                    figure["runs"] = [figure["median"]]
        url = self.report(results)
        page = self.open(url)
        self.expect_faultless(page, url)
        self.assertFalse([plot for plot in page.evaluate(PLOTS) if "open-loop" in plot or "memory" in plot])
        self.assertIn("is not known", page.evaluate("document.body.innerText"))

    def test_a_rate_of_the_users_own(self):
        results = copy.deepcopy(self.example)
        for each in results["measurements"]:
            if each["loop"] == "open":
                each["load"] = None
        url = self.report(results)
        page = self.open(url)
        self.expect_faultless(page, url)

    def test_nothing_measured(self):
        results = copy.deepcopy(self.example)
        results |= {"complete": False, "measurements": [], "advice": [], "warnings": [], "left_out": []}
        url = self.report(results)
        page = self.open(url)
        self.expect_faultless(page, url)
        self.assertIn("interrupted", page.evaluate("document.body.innerText"))

    def test_values_of_zero(self):
        results = copy.deepcopy(self.example)
        for each in results["measurements"]:
            for figure in (each["rate"], each["cpu_us_per_request"], each["memory_bytes_per_connection"]):
                if figure and each["mode"] in ("selecting", "forking"):
                    figure["median"] = figure["least"] = 0
        url = self.report(results)
        page = self.open(url)
        self.expect_faultless(page, url)

    def test_many_servers(self):
        results = copy.deepcopy(self.example)
        outside = [each for each in results["measurements"] if each["outside"]]
        for name in ("__proto__", "constructor", "go", "asyncio", "a-name-that-is-longer-than-what-a-plot-has-room-for"):
            results["measurements"] += [each | {"mode": name} for each in copy.deepcopy(outside)]
        url = self.report(results)
        for width in (1280, 375):
            page = self.open(url, width=width)
            self.expect_faultless(page, url)
        self.assertEqual(page.evaluate("document.querySelectorAll('.legend button').length"), 12)

    def test_strange_names_are_text(self):
        results = copy.deepcopy(self.example)
        results["handler"] = STRANGE
        results["machine"]["kernel"] = STRANGE
        results["command"].append(STRANGE)
        for place in ("advice", "warnings"):
            results[place] = [STRANGE]
        for each in results["measurements"] + results["left_out"]:
            if each["mode"] == "python-threading":
                each["mode"] = STRANGE
        url = self.report(results)
        page = self.open(url)
        self.expect_faultless(page, url)
        self.assertIsNone(page.evaluate("document.getElementById('strange')"))
        self.assertIn(STRANGE, page.evaluate("document.title"))
        self.assertIn(STRANGE, page.evaluate("document.querySelector('.legend').textContent"))

    def test_this_test_would_notice(self):
        path = self.folder / "faulty.html"
        path.write_text("<!DOCTYPE html><title>x</title><div data-plot=x></div><img src='http://127.0.0.1:1/x.png'>"
                        "<script>console.error('told'); throw new Error('thrown')</script>", encoding="utf-8")
        page = self.open(path.as_uri())
        self.browser.wait_for("Runtime.consoleAPICalled", page.session)
        self.browser.wait_for("Runtime.exceptionThrown", page.session)
        complaints = " ".join(page.complaints)
        self.assertIn("told", complaints)
        self.assertIn("thrown", complaints)
        self.assertIn("http://127.0.0.1:1/x.png", page.requests)
        self.assertIn("x was not drawn", self.faults(page))
        self.assertIn("x is empty", self.faults(page))

    def test_the_page_may_ask_for_nothing(self):
        url = self.report(self.example)
        page = self.open(url)
        refused = page.evaluate("fetch('http://127.0.0.1:1/').then(() => 'sent', error => 'refused: ' + error)")
        self.assertIn("refused", refused)
        self.browser.wait_for("Log.entryAdded", page.session)
        self.assertTrue(any("Content Security Policy" in each for each in page.complaints), page.complaints)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--render", required=True, metavar="PROGRAM", help="makes a report of results.json")
    parser.add_argument("--example", required=True, metavar="FILE", help="results.json")
    arguments, others = parser.parse_known_args()
    if not browser.find():
        if os.environ.get("SOCKETSERVER_TEST_BROWSER") == "required":
            sys.exit("no browser is installed: script/bootstrap --all installs one")
        print("skipped: no browser is installed; script/bootstrap --all installs one")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + others, verbosity=2)
