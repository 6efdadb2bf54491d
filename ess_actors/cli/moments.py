"""Times and spans in the words of the command line."""

from datetime import datetime


def moment(wall: object) -> datetime:
    """Local time of unix seconds, or of ISO text; now for what is neither, so that a line has a time."""
    if isinstance(wall, int | float) and not isinstance(wall, bool):
        return datetime.fromtimestamp(wall).astimezone()
    try:
        return datetime.fromisoformat(str(wall)).astimezone()
    except ValueError:
        return datetime.now().astimezone()


def time_of_day(wall: object) -> str:
    """`14:03:07.123`, local."""
    return moment(wall).strftime("%H:%M:%S.%f")[:-3]


def date_and_time(wall: object) -> str:
    """`2025-11-22 14:03:07.123`, local."""
    return moment(wall).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def span(seconds: object) -> str:
    """`8s`, `3m05s`, `2h04m`, `5d03h`; a dash for what is no number."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return "-"
    total = int(seconds)
    if total < 60:
        return f"{total}s"
    if total < 3600:
        return f"{total // 60}m{total % 60:02d}s"
    if total < 86400:
        return f"{total // 3600}h{total % 3600 // 60:02d}m"
    return f"{total // 86400}d{total % 86400 // 3600:02d}h"
