"""HTTP client of the operator API: one short request per call, and the stream of messages line by line."""

import getpass
import http.client
import json
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from ess_actors.cli.address import Address
from ess_actors.cli.errors import NothingRuns
from ess_actors.cli.kept_token import token_for
from ess_actors.cli.wire import ANSWER_TIMEOUT_S, STREAM_TIMEOUT_S, stranger
from ess_actors.core.errors import RequestError

_ABOUT: Final = frozenset({"error", "text", "near", "uri", "needed", "role"})
"""Members of a refusal that go into its text; the others are the reply itself."""


class Api:
    """The operator API at one address. Every call raises NothingRuns or RequestError, nothing else."""

    def __init__(
        self,
        address: Address,
        timeout_s: float = ANSWER_TIMEOUT_S,
        *,
        token: str | None = None,
        certificate: str = "",
    ) -> None:
        """`token` is shown instead of the one that is kept; `certificate` is the only one trusted."""
        self.address = address
        self._timeout_s = timeout_s
        self._token = token
        self._certificate = certificate

    def get(self, path: str, **query: str) -> object:
        """The decoded JSON answer of a GET."""
        return _decoded(self._ask("GET", f"{path}?{urlencode(query)}" if query else path, None), self.address)

    def text(self, path: str) -> str:
        """The answer of a GET as it is."""
        return self._ask("GET", path, None).decode("utf-8", "replace")

    def rows(self, path: str, member: str, **query: str) -> list[dict[str, Any]]:
        """The list of objects that a GET carries in one member of its answer, in the site's order."""
        answer = self.get(path, **query)
        found = answer.get(member) if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise stranger(self.address)
        return [row for row in found if isinstance(row, dict)]

    def post(self, path: str, body: str = "{}") -> object:
        """The decoded JSON answer of a POST of JSON text."""
        return _decoded(self._ask("POST", path, body.encode()), self.address)

    def delete(self, path: str) -> object:
        """The decoded JSON answer of a DELETE."""
        return _decoded(self._ask("DELETE", path, b""), self.address)

    def order(self, actor_id: str, verb: str) -> object:
        """restart, stop or start one actor; the answer comes when the order is carried out or refused."""
        return self.post(f"/api/actors/{quote(actor_id)}/{verb}")

    def message(
        self,
        method: str,
        uri: str,
        body: str = "",
        replyto: str = "",
        told: Callable[[str], object] | None = None,
    ) -> object:
        """Send one message; `body` is JSON text and travels untouched. Gives the reply's body, decoded.

        None when there was nothing to reply. `told` is called with each finding in a document that was pushed.
        """
        members = [f'"method":{json.dumps(method)}', f'"uri":{json.dumps(uri)}']
        if body:
            members.append(f'"body":{checked_json(body)}')
        if replyto:
            members.append(f'"replyto":{json.dumps(replyto)}')
        answer = self.post("/api/message", "{" + ",".join(members) + "}")
        if not isinstance(answer, dict):
            return answer
        if told is not None:
            for line in finding_lines(answer.get("findings", ())):
                told(line)
        return answer.get("reply")

    def listen(self, uris: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Messages below one of `uris` (none = all) as they pass, until the site ends the stream.

        A record with `dropped` comes behind so many that were lost because the reader was too slow.
        """
        path = "/api/listen?" + urlencode([("uri", uri) for uri in uris])
        connection = self._connection()
        try:
            response = _response(connection, self.address, "GET", path, None, self._shown())
            if connection.sock is not None:
                connection.sock.settimeout(STREAM_TIMEOUT_S)
            yield from records_of(iter(response.readline, b""))
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        connection = self._connection()
        try:
            return _response(connection, self.address, method, path, body, self._shown()).read()
        except (OSError, http.client.HTTPException) as error:
            raise NothingRuns(f"the answer of {self.address} broke off ({error})") from None
        finally:
            connection.close()

    def _shown(self) -> str:
        return token_for(self.address) if self._token is None else self._token

    def _connection(self) -> http.client.HTTPConnection:
        if self.address.is_local:
            return _Local(self.address.host, self._timeout_s)
        if not self.address.tls:
            return http.client.HTTPConnection(*self.address, timeout=self._timeout_s)
        from ess_actors.cli import secure

        context = secure.only(self._certificate) if self._certificate else secure.context()
        return http.client.HTTPSConnection(*self.address, timeout=self._timeout_s, context=context)


class _Local(http.client.HTTPConnection):
    """HTTP over a local socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def checked_json(text: str) -> str:
    """The text, stripped, when it is one JSON value. Raises RequestError bad_body with what to do."""
    try:
        text.encode()
        json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        word = text.strip()
        remedy = f"text needs its own quotes, as in '\"{word}\"'" if word.isidentifier() else "correct it"
        raise RequestError("bad_body", f"the body is not JSON ({error}); {remedy}") from None
    return text.strip()


def finding_lines(findings: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with a pushed document, a line each."""
    for one in findings:
        place = " ".join(str(one[key]) for key in ("document", "path") if one.get(key))
        yield f"{place}: {one.get('severity', 'fatal')} {one.get('code')}: {one.get('text')}; {one.get('hint')}"


def compact(value: object) -> str:
    """JSON text on one line, as bodies travel."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


def operator() -> str:
    """The login name, for the audit table; it must fit into a header."""
    try:
        return getpass.getuser().encode("ascii", "replace").decode()
    except (KeyError, OSError, ImportError):
        return ""


def _response(
    connection: http.client.HTTPConnection,
    address: Address,
    method: str,
    path: str,
    body: bytes | None,
    token: str,
) -> http.client.HTTPResponse:
    headers = {} if body is None else {"Content-Type": "application/json", "X-Operator": operator()}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
    except TimeoutError:
        raise NothingRuns(f"no answer from {address} in time; is the site overloaded or stuck?") from None
    except ConnectionRefusedError:
        start = "start a site with `ess-actors run SITE_DIR`"
        raise NothingRuns(f"nothing answers at {address}; {start} or say where with --api") from None
    except OSError as error:
        if "WRONG_VERSION_NUMBER" in str(error) or "record layer" in str(error).lower():
            raise NothingRuns(f"what answers at {address} speaks no TLS; leave the https:// away") from None
        raise NothingRuns(f"cannot reach {address} ({error}); say where the site is with --api") from None
    except http.client.HTTPException:
        raise stranger(address) from None
    if response.status >= 400:
        try:
            payload = response.read()
        except (OSError, http.client.HTTPException):
            payload = b""
        raise refusal(payload, response.status, address)
    return response


def refusal(payload: bytes, status: int, address: Address) -> Exception:
    """The site's own words for why not; an answer in another form comes from something else."""
    try:
        answer = json.loads(payload)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or "error" not in answer:
        return stranger(address)
    text = str(answer.get("text") or answer.get("uri") or f"HTTP {status}")
    if answer["error"] == "forbidden" and "/api/" in text and "needed" in answer:
        # Who calls a verb does not know the route behind it.
        text = f"this needs the role {answer['needed']}, yours is {answer.get('role')}; log in as somebody who may"
    near = answer.get("near")
    if isinstance(near, list) and near and str(near[0]) not in text:
        text += "; near: " + ", ".join(str(name) for name in near)
    said = {key: value for key, value in answer.items() if key not in _ABOUT}
    return RequestError(str(answer["error"]), text, said or None)


def _decoded(payload: bytes, address: Address) -> object:
    try:
        return json.loads(payload)
    except ValueError:
        raise stranger(address) from None


def _number(text: str) -> float:
    """A whole number without a decimal point, as bodies show it."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 9e15 else number


def records_of(stream: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The `data:` lines of a server-sent event stream; several lines of one event belong together."""
    lines: list[str] = []
    for raw in stream:
        line = raw.decode(errors="replace").rstrip("\r\n")
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif not line and lines:
            record = json.loads("\n".join(lines), parse_float=_number)
            lines = []
            if isinstance(record, dict):
                yield record
