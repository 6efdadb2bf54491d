"""What systemd is told of the site: ready, its state, that it stops, and that control goes on."""

import contextlib
import os
import socket
from collections.abc import Mapping


class Notifier:
    """Speaks the protocol of sd_notify(3). Without systemd nobody listens and nothing is said."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environment.get("WATCHDOG_USEC", "") if self._address and meant else ""
        self.watchdog_s = int(microseconds) / 1e6 if microseconds.isdecimal() else 0.0
        """systemd restarts the site when it was not fed for so long; 0 = it does not watch."""
        self._status = ""

    @property
    def listened_to(self) -> bool:
        """Whether somebody wants to know."""
        return bool(self._address)

    def ready(self) -> None:
        """What depends on the site may start."""
        self._say("READY=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`; said again only when it changes."""
        if text != self._status:
            self._status = text
            self._say(f"STATUS={text}")

    def stopping(self) -> None:
        """The end has begun."""
        self._say("STOPPING=1")

    def feed(self) -> None:
        """Control goes on."""
        self._say("WATCHDOG=1")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        # systemd may be restarting itself: what it does not hear now it hears again.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.connect(self._address)
            out.send(text.encode())
