"""Opens pages in a headless Chromium, over its remote debugging pipe."""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--remote-debugging-pipe"),
)
_READS, _WRITES = 3, 4  # The files that Chromium takes commands from and answers to.
_PATIENCE = 120  # Seconds.


class Chromium:
    """A browser with one tab.

    Attributes:
      errors: What the page has complained of since it was opened: uncaught errors,
        refusals of its policy, and requests other than for itself.
    """

    def __init__(self, profile):
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        # Out of the way of the numbers that they are to have in Chromium.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (commands, answers)]
        os.close(commands)
        os.close(answers)

        def connect():
            os.dup2(ends[0], _READS)
            os.dup2(ends[1], _WRITES)

        self._process = subprocess.Popen(
            [PROGRAM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=connect,  # noqa: PLW1509 (it calls nothing that may wait)
            close_fds=False,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in ends:
            os.close(end)
        self.errors = []
        self._number, self._unread, self._session = 0, b"", None
        self._url, self._is_loaded = "about:blank", False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        """Ends the browser, and all that it has started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def call(self, method, **parameters):
        """Sends a command of the Chrome DevTools Protocol; returns its result."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self._receive()
            if message.get("id") == self._number:
                assert "error" not in message, message["error"]
                return message["result"]

    def open(self, path, width=1200, height=900, dark=False):
        """Opens a file, and waits until it has been read."""
        self.errors, self._is_loaded, self._url = [], False, path.absolute().as_uri()
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.call("Page.navigate", url=self._url)
        while not self._is_loaded:
            self._receive()
        return self

    def run(self, expression):
        """The value of an expression of JavaScript in the page."""
        result = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def texts(self, selector):
        """The texts of elements, spaces as one."""
        return self.run(
            f"[...document.querySelectorAll({json.dumps(selector)})]"
            ".map((it) => it.textContent.replace(/\\s+/g, ' ').trim())"
        )

    def set(self, selector, value):
        """Gives a field a value, as a user who leaves it does."""
        self.run(
            f"{{const it = document.querySelector({json.dumps(selector)});"
            f"it.value = {json.dumps(value)};"
            "it.dispatchEvent(new Event('input', {bubbles: true}));}"
        )

    def press(self, key, text=""):
        """Presses a key, such as "Tab", or "Enter" with the text of a new line."""
        given = {"key": key, "text": text} if text else {"key": key}
        code = {"Tab": 9, "Enter": 13, " ": 32}[key]
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                **{"type": kind, "windowsVirtualKeyCode": code, **given},
            )

    def picture(self, path, whole=False):
        """Writes what is seen, or the whole page, as PNG."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _receive(self):
        while b"\0" not in self._unread:
            assert select.select([self._answers], [], [], _PATIENCE)[0], "No answer."
            read = os.read(self._answers, 2**16)
            assert read, "Chromium has ended."
            self._unread += read
        message, self._unread = self._unread.split(b"\0", 1)
        message = json.loads(message)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, event, values):
        if event == "Page.loadEventFired":
            self._is_loaded = True
        elif event == "Runtime.exceptionThrown":
            self.errors.append(values["exceptionDetails"])
        elif event == "Log.entryAdded" and values["entry"]["level"] == "error":
            self.errors.append(values["entry"]["text"])
        elif event == "Network.requestWillBeSent":
            url = values["request"]["url"]
            if url != self._url and not url.startswith("data:"):
                self.errors.append(f"asked for {url}")
