"""Questions to the operator API of the tried site and to its simulators: short, and silence is an answer."""

import http.client
import json
from typing import Any, Final

Address = tuple[str, int]

TIMEOUT_S: Final = 4.0
_JSON: Final = {"Content-Type": "application/json"}


class Asker:
    """One HTTP server. No call raises for what the other side does or fails to do."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def get(self, path: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """The JSON object of a GET; empty when there is none."""
        return self._ask("GET", path, None, timeout_s)[1]

    def post(self, path: str, body: object, timeout_s: float = TIMEOUT_S) -> tuple[int, dict[str, Any]]:
        """HTTP status and JSON object of a POST; (0, {}) when there is no answer."""
        return self._ask("POST", path, json.dumps(body).encode(), timeout_s)

    def code(self, path: str) -> int:
        """HTTP status of a GET; 0 when there is no answer."""
        return self._ask("GET", path, None, 1.0)[0]

    def set(self, uri: str, value: object) -> tuple[int, dict[str, Any]]:
        """A set on the bus, as an operator sends it."""
        return self.post("/api/message", {"method": "set", "uri": uri, "body": value})

    def _ask(
        self, method: str, path: str, body: bytes | None, timeout_s: float
    ) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(*self.address, timeout=timeout_s)
        try:
            connection.request(method, path, body, _JSON if body else {})
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            return 0, {}
        finally:
            connection.close()
        return response.status, answer if isinstance(answer, dict) else {}
