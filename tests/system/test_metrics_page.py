"""What a running site shows Prometheus is what Prometheus reads without a complaint."""

import re

from ess_actors.core.metrics import METRICS
from tests.deploy.places import promtool


def test_promtool_has_nothing_to_say_about_the_figures_of_a_site(site) -> None:
    page = site.http.get("/metrics").text
    code, told = promtool("check", "metrics", stdin=page)
    assert (code, told) == (0, "")
    families = set(re.findall(r"^# TYPE (\w+) ", page, re.M))
    assert families == set(METRICS)
    assert re.search(r'^ess_live_value\{actor="ess_1",label="SOC",unit="%"\} \d', page, re.M)
    assert re.search(r'^ess_state_free_bytes\{actor="store"\} [1-9]', page, re.M)
    assert re.search(r'^ess_actor_failed\{actor="ess_2/bms_2"\} 0.0$', page, re.M)


def test_promtool_would_complain(site) -> None:
    page = site.http.get("/metrics").text + "# TYPE ess_wrong counter\ness_wrong 1\n"
    code, told = promtool("check", "metrics", stdin=page)
    assert code != 0 and "ess_wrong" in told
