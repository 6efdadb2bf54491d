"""`ess-actors trace URI`: who writes a variable, whom it writes, which gates are open, and its last changes."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.moments import date_and_time, time_of_day
from ess_actors.cli.options import with_api, with_json
from ess_actors.core.errors import RequestError

FOLLOW_S: Final = 0.3
"""Between two questions for new changes."""

Answer = dict[str, Any]


def ask(api: Api, uri: str) -> Iterator[Answer]:
    """The answer of every instance that has the variable, each with `instance` and, under `sent_by`, who of
    the others sends to it. Raises RequestError not_found with names that are near."""
    path = "/" + uri.replace(":", "/").strip("/")
    status = api.get("/api/status")
    rows = status.get("actors", []) if isinstance(status, dict) else []
    instances = [str(row["id"]) for row in rows if row.get("kind") == "ess"]
    named, _, rest = path[1:].partition("/")
    owners = [named] if named in instances else instances
    inner = f"/{rest}" if named in instances else path
    answers = {owner: found for owner in owners if (found := _one(api, owner, inner)) and "value" in found}
    if not answers:
        # The plain query knows what is near; in case it finds something, that is no variable.
        api.message("get", path if named in instances else f"/{(instances or [''])[0]}{path}")
        raise RequestError("not_found", f"{uri} names no variable; write /instance/table/name")
    for owner, answer in answers.items():
        senders = [
            {"instance": other, **edge}
            for other in instances
            if other != owner
            for edge in (_one(api, other, f"/{owner}{inner}") or {}).get("sent_by", [])
        ]
        yield {"instance": owner, **answer, "sent_by": senders}


def _one(api: Api, instance: str, path: str) -> Answer | None:
    try:
        answer = api.message("get", f"/{instance}/trace{path}")
    except RequestError as error:
        if error.status not in ("not_found", "not_running"):
            raise
        return None
    return answer if isinstance(answer, dict) else None


def lines(answer: Answer) -> Iterator[str]:
    """An answer for people."""
    yield f"{answer['uri']} in {answer['instance']}"
    quality = "" if answer["quality"] == "GOOD" else f", {answer['quality']}"
    yield f"  value       {compact(answer['value'])}  ({answer['kind']}{quality})"
    yield f"  before      {compact(answer['previous'])}, changed {date_and_time(answer['changed_at'])}"
    if answer["read_by"]:
        yield f"  read by     {answer['read_by']}"
    if answer["locked"]:
        yield "  locked      it or a param of it takes no writes"
    for title, member in (("also", "also"), ("same value", "shares_value_with")):
        if answer[member]:
            yield f"  {title:<11} {', '.join(answer[member])}"
    yield f"  its actions {_state(answer['gate'])}"
    yield from _edges("written by", answer["written_by"], "from")
    yield from _edges("sent to it by", answer["sent_by"], "from")
    yield from _edges("writes", answer["writes"], "to")
    since = time_of_day(answer["recorded_since"])
    yield f"  changes since {since}, when they began to be recorded" + ("" if answer["changes"] else ": none")
    for change in answer["changes"]:
        yield f"    {_change(change)}"


def _edges(title: str, edges: list[Answer], end: str) -> Iterator[str]:
    yield f"  {title}" + ("" if edges else ": none known")
    for edge in edges:
        place = (
            " ".join(str(edge[part]) for part in ("instance", "from") if edge.get(part)) or "the scheduler"
        )
        what = (
            f"{edge['kind']} {edge['place']}" if end == "to" else f"{place}  {edge['kind']} {edge['place']}"
        )
        aim = f" -> {edge.get('bus', '')} {edge['to']}".replace("->  ", "-> ")
        yield f"    {what}{aim}  {_state(edge)}"


def _state(gate: Answer) -> str:
    why = f" ({gate['why']})" if gate["why"] else ""
    return click.style("open", fg="green") + why if gate["open"] else click.style("closed", fg="red") + why


def _change(change: Answer) -> str:
    return f"{time_of_day(change['time'])}  {compact(change['value'])}  by {change['by']}"


@click.command()
@click.argument("uri")
@with_json
@click.option("--follow", is_flag=True, help="Go on with every further change until Ctrl-C.")
@with_api
def command(api: Api, uri: str, as_json: bool, follow: bool) -> None:
    """Show who writes the variable at URI, whom its actions write, which gates are open now and why, and its
    last changes: value, time, and by whom.

    URI is /INSTANCE/table/variable or /INSTANCE/table:variable; without INSTANCE every instance is asked.
    Changes are recorded from the first trace of a variable on; where `ess-actors run` was given a START_FILE,
    the last few of every variable from the start on.
    """
    seen: dict[str, int] = {}
    places: dict[str, str] = {}
    for answer in ask(api, uri):
        for line in [compact(answer)] if as_json else lines(answer):
            click.echo(line)
        seen[answer["instance"]] = max([0, *(change["n"] for change in answer["changes"])])
        places[answer["instance"]] = answer["uri"].replace(":", "/") + "@changes"
    if follow:
        with suppress(KeyboardInterrupt):
            _follow(api, places, as_json, seen)


def _follow(api: Api, places: dict[str, str], as_json: bool, seen: dict[str, int]) -> None:
    """Ask for the changes alone: the whole answer costs a large instance milliseconds."""
    while True:
        time.sleep(FOLLOW_S)
        for instance, place in places.items():
            answer = _one(api, instance, place)
            if answer is None:
                continue
            numbers = [change["n"] for change in answer["changes"]]
            if max([0, *numbers]) < seen[instance]:
                seen[instance] = 0  # the instance was started anew
            for change in answer["changes"]:
                if change["n"] > seen[instance]:
                    shown = {"instance": instance, **change}
                    click.echo(compact(shown) if as_json else f"{instance}  {_change(change)}")
            seen[instance] = max([0, *numbers])
