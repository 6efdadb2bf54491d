"""A real Chromium on the operator page, and a wire to the site that can fall silent."""

import json
import shutil
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests import waiting

T = TypeVar("T")

_NOT_YET = (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)
LIMIT_S, PAUSE_S = 60.0, 0.1
"""A look at the page costs the browser something: it is asked less often than a site is."""
WIDE, PHONE = (1366, 768), (390, 844)
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


def wait_for(what: str, condition: Callable[[], T | None]) -> T:
    """The first truthy result of a look at the page."""
    return waiting.wait_for(what, condition, LIMIT_S, PAUSE_S)


def programs() -> tuple[str, str] | None:
    """Debian's chromium and chromedriver; None where they are not installed."""
    found = shutil.which("chromium"), shutil.which("chromedriver")
    return (found[0], found[1]) if found[0] and found[1] else None


class Wire:
    """A TCP port of loopback that passes everything on to another, until it is told to hold its tongue."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open = threading.Event()
        self._open.set()
        self._sockets: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> None:
        """Nothing passes any more; connections stay."""
        self._open.clear()

    def cut(self) -> None:
        """Every connection ends, and what comes next passes again."""
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.set()

    def close(self) -> None:
        """For teardown."""
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    near.close()
                    continue
                self._sockets += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(65536):
                self._open.wait()
                sink.sendall(chunk)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Browser:
    """One window. Everything that is looked for is waited for."""

    def __init__(self, address: str, folder: Path) -> None:
        found = programs()
        assert found, "install chromium and chromium-driver"
        options = webdriver.ChromeOptions()
        options.binary_location = found[0]
        for flag in (*_FLAGS, f"--user-data-dir={folder}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.address = address
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(found[1]))
        self.size(*WIDE)

    def close(self) -> None:
        """For teardown."""
        self.driver.quit()

    def size(self, width: int, height: int) -> None:
        """The size of the screen; a narrow one is a phone's."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)

    def open(self, route: str = "/plant") -> None:
        """Load the page anew."""
        self.driver.get("about:blank")
        self.driver.get(f"http://{self.address}/#{route}")

    def go(self, route: str) -> None:
        """Another view of the page that is loaded."""
        self.driver.execute_script("location.hash = arguments[0]", f"#{route}")

    def log_in(self, user: str, password: str) -> None:
        """Fill in the form and send it."""
        for name, value in (("user", user), ("password", password)):
            field = self.find(f"#login-{name}")
            field.clear()
            field.send_keys(value)
        self.click("#login button")

    def shown(self, css: str) -> list[WebElement]:
        """What is visible of these now."""
        with suppress(StaleElementReferenceException):
            return [one for one in self.driver.find_elements(By.CSS_SELECTOR, css) if one.is_displayed()]
        return []

    def find(self, css: str) -> WebElement:
        """The first visible one, as soon as there is one."""
        return wait_for(f"{css} on the page", lambda: self.shown(css))[0]

    def gone(self, css: str) -> None:
        """Waits until none is visible."""
        wait_for(f"{css} to go", lambda: not self.shown(css))

    def click(self, css: str) -> None:
        """Clicks the first one; what is drawn anew under the pointer is looked for again."""

        def clicked() -> bool:
            with suppress(*_NOT_YET):
                self.find(css).click()
                return True
            return False

        wait_for(f"a click on {css}", clicked)

    def text(self, css: str) -> str:
        """The text of everything that fits, as it is shown now."""
        script = "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText).join('\\n')"
        return str(self.driver.execute_script(script, css))

    def says(self, css: str, wanted: str) -> str:
        """Waits until a text is part of it, and gives all of it."""
        try:
            wait_for(f"{wanted!r} in {css}", lambda: wanted in self.text(css))
        except AssertionError as failure:
            raise AssertionError(f"{failure}; it says {self.text(css)[:500]!r}") from None
        return self.text(css)

    def fill(self, css: str, text: str) -> None:
        """Writes into a field what shall be there."""

        def filled() -> bool:
            with suppress(*_NOT_YET):
                field = self.find(css)
                field.clear()
                field.send_keys(text)
                return field.get_attribute("value") == text
            return False

        wait_for(f"{css} to take a text", filled)

    def ordered(self, button: str, css: str, wanted: str) -> None:
        """Clicks until the outcome is told: an instance of a busy host may be late with its answer."""

        def told() -> bool:
            self.click(button)
            wait_for(f"an outcome in {css}", lambda: self.text(css).strip() and "Asked" not in self.text(css))
            return wanted in self.text(css)

        wait_for(f"{wanted!r} in {css}", told)

    def fetched(self, method: str, path: str, body: object = None, csrf: str = "") -> tuple[int, Any]:
        """What the server answers to this very page: (status, body)."""
        script = """
            const [method, path, body, csrf, done] = arguments;
            fetch(path, {method, body: body === null ? undefined : JSON.stringify(body),
                         headers: csrf ? {"x-csrf": csrf} : {}})
              .then(async (answer) => done([answer.status, await answer.json()]), (problem) => done([0, `${problem}`]));
        """
        code, said = self.driver.execute_async_script(script, method, path, body, csrf)
        return int(code), said

    def complaints(self) -> list[str]:
        """What the console says since the last look, apart from refusals, which are the server's to give."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] in ("SEVERE", "WARNING") and entry["source"] != "network"
        ]

    def hosts(self) -> set[str]:
        """Where requests went since the last look."""
        asked = set()
        for entry in self.driver.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                parts = urlsplit(event["params"]["request"]["url"])
                if parts.scheme not in ("data", "about", "blob", "chrome"):
                    asked.add(parts.hostname or parts.scheme)
        return asked
