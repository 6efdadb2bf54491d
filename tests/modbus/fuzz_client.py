"""The fuzz of the client's link for longer: `python -m tests.modbus.fuzz_client --seconds 600`.

Each round is one seed of test_tcp_fuzz. Prints rounds, requests, and what the process grew by.
"""

import argparse
import asyncio
import logging
import time

import psutil

from tests.modbus.test_tcp_fuzz import REQUESTS, test_whatever_a_device_sends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1000)
    options = parser.parse_args()
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # the device writes to sockets that it has aborted
    process, rounds, started = psutil.Process(), 0, time.monotonic()
    first = 0
    while time.monotonic() - started < options.seconds:
        test_whatever_a_device_sends(asyncio.run, options.seed + rounds)
        rounds += 1
        if rounds == 10:
            first = process.memory_info().rss
    grown = (process.memory_info().rss - first) / 1e6 if first else 0.0
    print(f"{rounds} rounds, {rounds * REQUESTS} requests, no failure, {process.num_fds()} descriptors")
    print(f"grown by {grown:.1f} MB since the tenth round")


if __name__ == "__main__":
    main()
