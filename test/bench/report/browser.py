"""A headless Chromium, told what to do over a pair of pipes (--remote-debugging-pipe): no port, no package needed."""

import base64
import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
START = 60  # seconds, on a machine that has much else to do
ANSWER = 60


def find():
    """The browser's path, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class BrowserError(Exception):
    pass


class Browser:
    def __init__(self, path):
        self.folder = tempfile.mkdtemp(prefix="browser-")
        self.log = os.path.join(self.folder, "stderr")
        self.numbers = itertools.count(1)
        self.received = b""
        self.events = []
        command = [
            path, "--headless", "--remote-debugging-pipe", f"--user-data-dir={self.folder}/profile",
            "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
            "--disable-default-apps", "--disable-extensions", "--disable-sync", "--no-first-run", "--no-pings",
            "--hide-scrollbars", "--force-color-profile=srgb", "about:blank",
        ]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # which root may not have
        to_browser = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in os.pipe()]
        from_browser = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in os.pipe()]
        self.pid = os.posix_spawn(
            path, command,
            {**os.environ, "HOME": self.folder, "TMPDIR": self.folder, "DBUS_SESSION_BUS_ADDRESS": "disabled:"},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, self.log, os.O_WRONLY | os.O_CREAT, 0o600),
                (os.POSIX_SPAWN_DUP2, to_browser[0], 3),
                (os.POSIX_SPAWN_DUP2, from_browser[1], 4),
            ], setsid=True)
        os.close(to_browser[0])
        os.close(from_browser[1])
        self.output, self.input = to_browser[1], from_browser[0]
        try:
            self.call("Browser.getVersion", limit=START)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(BrowserError, OSError):
            self.call("Browser.close", limit=10)
        os.close(self.output)
        os.close(self.input)
        os.killpg(self.pid, signal.SIGKILL)  # whatever is left; its leader has not been waited for, so there is one
        os.waitpid(self.pid, 0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def receive(self, deadline):
        while b"\0" not in self.received:
            if not select.select([self.input], [], [], max(0, deadline - time.monotonic()))[0]:
                raise BrowserError("the browser does not answer\n" + self.said())
            piece = os.read(self.input, 1 << 20)
            if not piece:
                raise BrowserError("the browser has ended\n" + self.said())
            self.received += piece
        message, _, self.received = self.received.partition(b"\0")
        return json.loads(message)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()[-4000:]

    def call(self, method, session=None, limit=ANSWER, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.output, data):]
        deadline = time.monotonic() + limit
        while True:
            answer = self.receive(deadline)
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def wait_for(self, method, session, limit=ANSWER):
        deadline = time.monotonic() + limit
        while not any(each["method"] == method and each.get("sessionId") == session for each in self.events):
            self.events.append(self.receive(deadline))


class Page:
    """A page in a tab of its own. `complaints` holds what went wrong in it, `requests` what it asked for."""

    def __init__(self, browser, url, width=1280, height=900, dark=False):
        self.browser = browser
        self.width = width
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.events.clear()
        self.call("Page.navigate", url=url)
        browser.wait_for("Page.loadEventFired", self.session)
        # What a script of the page leaves to the next frames has happened after two.
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))")

    def call(self, method, **parameters):
        return self.browser.call(method, session=self.session, **parameters)

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def own_events(self, method):
        return [each["params"] for each in self.browser.events
                if each["method"] == method and each.get("sessionId") == self.session]

    @property
    def complaints(self):
        found = [each["exceptionDetails"].get("exception", each["exceptionDetails"]).get("description", str(each))
                 for each in self.own_events("Runtime.exceptionThrown")]
        found += [f"console.{each['type']}: {each['args']}" for each in self.own_events("Runtime.consoleAPICalled")
                  if each["type"] in ("error", "warning", "assert")]
        found += [f"{each['entry']['source']}: {each['entry']['text']}" for each in self.own_events("Log.entryAdded")
                  if each["entry"]["level"] in ("error", "warning")]
        return found

    @property
    def requests(self):
        return [each["request"]["url"] for each in self.own_events("Network.requestWillBeSent")]

    def screenshot(self, path, x=0, y=0, width=1280, height=900):
        clip = {"x": x, "y": y, "width": width, "height": height, "scale": 1}
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
