"""A headless Chromium, driven through its own protocol: nothing but the browser is needed.

Chromium is looked for at CHROMIUM, then on the path.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .conftest import WebSocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SWITCHES = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--mute-audio", "--hide-scrollbars", "--force-color-profile=srgb", "--disable-extensions",
            "--disable-background-networking", "--remote-debugging-port=0")
READY = "window.app?.graph && window.app.extensionManager && document.querySelector('canvas#graph-canvas, canvas')"


def find_chromium() -> str:
    found = os.environ.get("CHROMIUM") or next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        pytest.skip("no Chromium: install it, or set CHROMIUM to one, to run the tests of the page")
    return found


class Page:
    """One tab."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket, self.number = socket, 0
        self.call("Page.enable")
        self.call("Runtime.enable")

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """One command of the DevTools protocol -> its result; events in between are dropped."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": given}))
        while True:
            answer = json.loads(self.socket.receive())
            if answer.get("id") == self.number:
                assert "error" not in answer, answer["error"]
                return answer["result"]

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited."""
        # The page keeps what is awaited, or its garbage collector may take the promise ("Promise was collected").
        script = f"window.awaited = ({script})"
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, script: str, seconds: float = 120) -> Any:
        """The first truthy value of an expression."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.run(f"(() => {{ try {{ return {script} }} catch {{ return null }} }})()")
            if value:
                return value
            time.sleep(0.2)
        raise AssertionError(f"the page never came to: {script}\n{self.run('document.body.innerText')[-2000:]}")

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait(f"Boolean({READY})")

    def size(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def shot(self, path: Path, quality: int = 60, clip: dict[str, float] | None = None) -> None:
        """A JPEG, or a PNG by its name; `clip` is x, y, width, height in pixels of the page."""
        form = {"format": "png"} if path.suffix == ".png" else {"format": "jpeg", "quality": quality}
        area = {"clip": {**clip, "scale": 1}} if clip else {}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", **form, **area)["data"]))


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """A browser of its own with an empty profile; it ends with the block."""
    command = [find_chromium(), *SWITCHES, f"--user-data-dir={profile}", "about:blank"]
    process, socket = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), None
    try:
        told = profile / "DevToolsActivePort"
        for _ in range(600):
            if told.is_file() and told.read_text().count("\n"):
                break
            assert process.poll() is None, "Chromium did not start"
            time.sleep(0.1)
        port = int(told.read_text().split("\n")[0])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=60) as answer:
            target = next(entry for entry in json.loads(answer.read()) if entry["type"] == "page")
        socket = WebSocket(port, "/" + target["webSocketDebuggerUrl"].split("/", 3)[3])
        yield Page(socket)
    finally:
        if socket is not None:
            socket.close()
        process.terminate()
        process.wait(timeout=30)
