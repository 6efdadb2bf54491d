"""Questions of the operator API to the history actor."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from ess_actors.core.control import Answer, HistoryPoints, HistoryTrend
from ess_actors.core.errors import RequestError

HISTORY: Final = "history"
_NONE: Final = 'this site keeps no history; take "history": false out of site.json and start it anew'
_SILENT: Final = "history does not answer; `ess-actors status` shows why"


class WebHistory:
    """`ticketed` asks an actor and waits for what it answers, None when that takes too long."""

    def __init__(self, there: bool, ticketed: Callable[[Callable[[int], Any]], Awaitable[Any]]) -> None:
        self._there = there
        self._ticketed = ticketed

    async def points(self, text: str, limit: int) -> bytes:
        """JSON of the points with these words in their names."""
        return await self._asked(lambda ticket: HistoryPoints(text, limit, ticket))

    async def trend(self, points: Sequence[str], since: float, until: float, samples: int) -> bytes:
        """JSON of what these points had."""
        return await self._asked(lambda ticket: HistoryTrend(tuple(points), since, until, samples, ticket))

    async def _asked(self, question: Callable[[int], Any]) -> bytes:
        if not self._there:
            raise RequestError("no_history", _NONE)
        answer = await self._ticketed(question)
        if not isinstance(answer, Answer):
            raise RequestError("no_answer", _SILENT)
        if answer.status:
            text = str(answer.body.get("text", _SILENT))
            near = answer.body.get("near")
            raise RequestError(answer.status, f"{text}; near it: {', '.join(near)}" if near else text)
        return bytes(answer.body)
