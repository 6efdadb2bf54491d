"""What a running site shows Prometheus is what Prometheus reads without a complaint."""

import re

from ess_actors.core.metrics import METRICS
from tests.deploy.places import promtool
from tests.waiting import wait_for

SHOWN = (
    r'^ess_live_value\{actor="ess_1",label="SOC",unit="%"\} \d',
    r'^ess_state_free_bytes\{actor="store"\} [1-9]',
    r'^ess_actor_failed\{actor="ess_2/bms_2"\} 0.0$',
)


def test_promtool_has_nothing_to_say_about_the_figures_of_a_site(site) -> None:
    def complete() -> str:
        page = str(site.http.get("/metrics").text)
        return page if all(re.search(shown, page, re.M) for shown in SHOWN) else ""

    page = wait_for("every actor to report its figures", complete, 20)
    code, told = promtool("check", "metrics", stdin=page)
    assert (code, told) == (0, "")
    families = set(re.findall(r"^# TYPE (\w+) ", page, re.M))
    assert families == set(METRICS)


def test_promtool_would_complain(site) -> None:
    page = site.http.get("/metrics").text + "# TYPE ess_wrong counter\ness_wrong 1\n"
    code, told = promtool("check", "metrics", stdin=page)
    assert code != 0 and "ess_wrong" in told
