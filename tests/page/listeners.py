"""What open pages cost: CPU with none, one and fifty of them. `python -m tests.page.listeners [SECONDS]`."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tests.system.running_site import RunningSite

TOPICS = "/api/live?topic=status&topic=alarms&topic=uri:/assets&topic=uri:/site/ess_1/ess_hs"
ACTORS = ("ess_1", "ess_2", "ess_1/alarms", "ess_1/bms_1", "web")


def used(site: RunningSite) -> dict[str, float]:
    """CPU seconds of each actor so far, as the kernel counts them."""
    found = {}
    for actor in ACTORS:
        times = site.named(actor)[0].cpu_times()
        found[actor] = times.user + times.system
    return found


async def pages(site: RunningSite, count: int, seconds: float) -> tuple[dict[str, float], int]:
    """Percent of one core that each used, and the bytes that all pages were sent."""
    got = 0

    async def page(client: httpx.AsyncClient) -> None:
        nonlocal got
        async with client.stream("GET", TOPICS) as answer:
            async for chunk in answer.aiter_bytes():
                got += len(chunk)

    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=f"http://{site.api}", timeout=30, limits=limits) as client:
        tasks = [asyncio.ensure_future(page(client)) for _ in range(count)]
        await asyncio.sleep(3.0)  # the snapshots are not what is measured
        before, begun, got = used(site), time.monotonic(), 0
        await asyncio.sleep(seconds)
        spent, after = time.monotonic() - begun, used(site)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return {actor: 100 * (after[actor] - before[actor]) / spent for actor in ACTORS}, got


def main() -> None:
    """A table of it."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    with tempfile.TemporaryDirectory() as folder:
        site = RunningSite(Path(folder) / "state")
        try:
            print("pages  " + "".join(f"{actor:>14}" for actor in ACTORS) + "   kB/s in all  (% of one core)")
            for count in (0, 1, 50, 0, 1, 50):
                figures, got = asyncio.run(pages(site, count, seconds))
                row = "".join(f"{figures[actor]:>14.2f}" for actor in ACTORS)
                print(f"{count:>5}  {row}   {got / seconds / 1000:>8.1f}", flush=True)
        finally:
            site.end()


if __name__ == "__main__":
    main()
