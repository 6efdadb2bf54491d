"""The API fuzzed from its own description: what it says is what it does, and nothing breaks it."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from tests.web.access_site import LoginSite

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 6


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoginSite]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder: Path = tmp_path_factory.mktemp("fuzz")
        one = LoginSite(folder, monkeypatch)
        yield one
        one.close()


def operations(site: LoginSite, client: httpx.Client) -> list[Any]:
    description = client.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(description)
    found = [operation.ok() for operation in schema.get_all_operations()]
    assert len(found) == len(site.served.app.state.served)
    # A stream has no end; what it does is in test_listen.
    endless = {row.path for row in site.served.app.state.served if row.stream}
    return [one for one in found if one.path not in endless]


def fuzz(operation: Any, ask: Any, mode: Any) -> bool:
    """False when there is nothing in the operation that could be sent in this mode."""

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        ask(case)

    try:
        run()
    except Unsatisfiable:
        return False
    return True


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_with_credentials_everything_answers_as_described(site, mode):
    with site.program("engineer") as client:
        token, done = client.headers["authorization"], 0
        for operation in operations(site, client):

            def ask(case: Any) -> None:
                case.headers = {**(case.headers or {}), "authorization": token}
                answer = case.call(base_url=site.url)
                assert answer.status_code != 500, (case.as_curl_command(), answer.text)
                case.validate_response(answer, checks=CHECKS)

            done += fuzz(operation, ask, mode)
    assert done > (20 if mode is schemathesis.GenerationMode.POSITIVE else 10)
    assert site.client.get("/healthz").status_code == 200


def test_without_credentials_nothing_is_changed_or_told(site):
    small = site.served.site
    with site.program("engineer") as client:
        asked = operations(site, client)
    before = (len(small.seen), len(small.writers), dict(small.restarts), site.do(site.store.users))
    for operation in asked:
        role = operation.definition.raw["x-role"]

        def ask(case: Any, role: str = role) -> None:
            case.headers = {
                name: value for name, value in (case.headers or {}).items() if name.lower() != "authorization"
            }
            answer = case.call(base_url=site.url)
            if role == "anybody":
                assert answer.status_code in (200, 304, 400, 401, 404, 408, 413, 429, 503)
            else:
                # What no route has is refused before anybody asks who it is.
                assert answer.status_code in (401, 403, 404, 405), case.as_curl_command()

        assert fuzz(operation, ask, schemathesis.GenerationMode.POSITIVE)
    assert (len(small.seen), len(small.writers), dict(small.restarts), site.do(site.store.users)) == before
