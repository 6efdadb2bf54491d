"""The operator API over TLS and over a local socket: the same door, and what the command line shows at it."""

import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ess_actors.cli.address import Address, parse_address
from ess_actors.cli.api_client import Api
from ess_actors.cli.errors import NothingRuns
from ess_actors.cli.wire import Connection
from ess_actors.core.errors import ConfigError, RequestError
from ess_actors.core.roles import Role
from ess_actors.core.site_access import SiteAccess
from ess_actors.web.server import ApiServer, bind, bind_local
from tests.web.access_site import LoginSite


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = str(folder / "key.pem"), str(folder / "certificate.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=site",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


class Secured:
    """The app of a site that takes a login, served a second time as the site file would have it."""

    def __init__(self, site: LoginSite, certificate: str, key: str, local: str) -> None:
        self.site = site
        self.path = local
        bound = bind("127.0.0.1", 0)

        async def start() -> tuple[str, int]:
            self.server = ApiServer(site.served.app, certificate, key)
            return await self.server.start(bound, bind_local(local))

        host, port = site.served.run(start())
        self.address = Address(host, port, tls=True)
        self.local = Address(local, 0)


@pytest.fixture
def secured(
    tmp_path: Path, certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Secured]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = str(tmp_path / "api.sock")
    rules = SiteAccess(Role.ANYBODY, path, Role.OPERATOR, *certificate)
    site = LoginSite(tmp_path, monkeypatch, rules)
    one = Secured(site, *certificate, path)
    yield one
    site.served.run(one.server.stop())
    site.close()
    assert not Path(path).exists()


def test_over_tls_the_cookie_never_travels_in_the_clear(secured, certificate):
    context = ssl.create_default_context(cafile=certificate[0])
    with httpx.Client(base_url=f"https://{secured.address}", verify=context, trust_env=False) as client:
        answer = client.post("/api/login", json={"user": "emma", "password": "emma-builds-it"})
        (cookie,) = list(client.cookies.jar)
        assert cookie.secure and cookie.name.startswith("__Host-") and cookie.path == "/"
        assert client.get("/api/me").json()["user"] == "emma"
        headers = {"x-csrf": answer.json()["csrf"]}
        assert client.post("/api/logout", headers=headers).status_code == 200
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{secured.address}/healthz", trust_env=False)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(secured.address) as plain, pytest.raises(OSError):
        old.wrap_socket(plain)


def test_the_command_line_checks_the_certificate(secured, certificate, monkeypatch):
    address = parse_address(f"https://{secured.address}")
    for ask in (lambda: Api(address).get("/healthz"), lambda: Connection(address)):
        with pytest.raises(NothingRuns, match="certificate"):
            ask()
    assert Api(address, token="launch-word", certificate=certificate[0]).get("/api/me") is not None
    monkeypatch.setenv("ESS_ACTORS_CA", certificate[0])
    with pytest.raises(RequestError, match="ess-actors login"):
        Api(address).get("/api/status")
    monkeypatch.setenv("ESS_ACTORS_TOKEN", "launch-word")
    assert Api(address).rows("/api/status", "actors")
    connection = Connection(address)
    assert connection.ask("GET", "/api/me") == 200 and b"launcher" in connection.rest()
    connection.close()
    monkeypatch.setenv("ESS_ACTORS_CA", certificate[1] + ".none")
    with pytest.raises(RequestError, match="ESS_ACTORS_CA"):
        Api(address).get("/healthz")


def test_the_local_socket_has_the_role_that_the_site_file_gives_it(secured):
    assert stat.S_IMODE(Path(secured.path).stat().st_mode) == 0o660
    api = Api(parse_address(f"unix:{secured.path}"))
    me = api.get("/api/me")
    assert isinstance(me, dict) and (me["via"], me["role"], me["user"]) == ("socket", "operator", "socket")
    api.message("set", "/site/x", "1")
    with pytest.raises(RequestError, match="engineer"):
        api.message("set", "/ess_1/x", "1")
    (_, by) = secured.site.served.site.writers[-1]
    assert by.origin == "socket"
    connection = Connection(secured.local)
    assert connection.ask("GET", "/api/me") == 200 and b"operator" in connection.rest()
    connection.close()


def test_a_socket_left_behind_is_replaced_and_a_served_one_is_not(tmp_path, secured):
    left = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(left))
    bind_local(str(left)).close()
    with pytest.raises(ConfigError, match=r"access\.socket\.path"):
        bind_local(secured.path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError):
        bind_local(str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"


def test_a_certificate_that_cannot_be_used_ends_the_start_with_a_reason(secured, certificate):
    async def made(*files: str) -> None:
        ApiServer(secured.site.served.app, *files)

    for files in ((certificate[0], certificate[0]), (certificate[0] + ".none", certificate[1])):
        with pytest.raises(ConfigError, match=r"access\.tls"):
            secured.site.served.run(made(*files))
