"""`ess-actors history`: what points had, as a table, CSV or JSON; without a point, which there are."""

from typing import Any, Final
from urllib.parse import urlencode

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.moments import date_and_time
from ess_actors.cli.options import with_api, with_json
from ess_actors.cli.spans import Moment
from ess_actors.cli.tables import table

_QUALITIES: Final = ("GOOD", "UNCERTAIN", "BAD")


@click.command()
@click.argument("points", metavar="[POINT]...", nargs=-1)
@click.option("--since", type=Moment(), default="1h", show_default=True, help="From when on.")
@click.option("--until", type=Moment(), default="0s", show_default=True, help="Until when.")
@click.option(
    "--samples", type=click.IntRange(1, 5000), default=60, show_default=True, help="Rows of a point."
)
@click.option("--find", default="", metavar="TEXT", help="Without a POINT: those with these words in them.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@with_json
@with_api
def command(
    api: Api, points: tuple[str, ...], since: str, until: str, samples: int, find: str, as_csv: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Print what POINTs had: minimum, mean and maximum of equal spans, or each change when there are few.

    A POINT is the uri of a reading, /components/ess_1/bms_info/soc. Without one, the points are listed.
    """
    if float(since) >= float(until):
        raise click.UsageError("--since lies behind --until; turn them round")
    if as_csv and not points:
        raise click.UsageError("--csv prints what points had: name one; without --csv the points are listed")
    if not points:
        rows = api.rows("/api/history/points", "points", text=find, limit="5000")
        for line in map(compact, rows) if as_json else _listed(rows):
            click.echo(line)
        return
    query = [("point", point) for point in points]
    query += [("since", since), ("until", until), ("samples", str(samples))]
    if as_csv:
        click.echo(api.text(f"/api/history.csv?{urlencode(query)}").replace("\r\n", "\n"), nl=False)
        return
    series = api.rows(f"/api/history?{urlencode(query)}", "series")
    for one in series:
        if as_json:
            click.echo(compact(one))
            continue
        step = one["resolution_s"]
        click.echo(f"{one['point']}  ({f'every {step:g} s' if step else 'as it changed'})")
        cells = [_cells(row) for row in one["rows"]]
        numbers = frozenset({"MIN", "MEAN", "MAX"})
        titles = ("TIME", "MIN", "MEAN", "MAX", "QUALITY")
        for line in table(titles, cells, numbers) if cells else ["nothing is known of this time"]:
            click.echo(f"  {line}")


def _listed(rows: list[dict[str, Any]]) -> list[str]:
    cells = [
        [str(row["point"]), _number(row["value"]), _quality(row["quality"]), _when(row["last"])]
        for row in rows
    ]
    return (
        table(("POINT", "VALUE", "QUALITY", "HEARD"), cells, frozenset({"VALUE"})) if cells else ["no point"]
    )


def _cells(row: list[Any]) -> list[str]:
    at, low, mean, high, quality = row
    return [date_and_time(at), _number(low), _number(mean), _number(high), _quality(quality)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _quality(value: int) -> str:
    return _QUALITIES[value] if value in range(3) else str(value)


def _when(at: float | None) -> str:
    return "-" if at is None else date_and_time(at)
