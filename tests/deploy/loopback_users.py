"""Run as root in a network namespace of its own: who reaches whose ports on loopback under a rule file.

Arguments: the rule file, the number of the service's user. Prints JSON: what was tried -> whether it connected.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

NOBODY, OTHER = 65_534, 54_321
ACTOR, LATE, OPEN, FOREIGN = 21_000, 45_000, 8_300, 25_001
REFUSED_S = 0.3
"""Nothing answers a refused SYN; this long is waited for what comes at once when it comes."""
COOKIES = Path("/proc/sys/net/ipv4/tcp_syncookies")


def as_user(uid, act):
    """What `act` returns in a process of this user."""
    back, front = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgid(uid)
        os.setuid(uid)
        os.write(front, b"1" if act() else b"0")
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(front)
    with os.fdopen(back, "rb") as told:
        return told.read() == b"1"


def listen(uid, port):
    """Two listeners, held by processes of that user until this one ends; they never accept, the kernel does."""
    ready, front = os.pipe()
    held, hold = os.pipe()
    if os.fork() == 0:
        os.close(hold)
        os.setgid(uid)
        os.setuid(uid)
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            one = socket.socket(family)
            one.bind((host, port))
            one.listen(64)
            kept.append(one)
        os.write(front, b"1")
        os.read(held, 1)
        os._exit(0)
    kept.append(hold)
    os.close(held)
    assert os.read(ready, 1) == b"1"


def reaches(uid, port, host="127.0.0.1"):
    def connect():
        try:
            socket.create_connection((host, port), REFUSED_S).close()
        except OSError:
            return False
        return True

    return as_user(uid, connect)


def refused_by_rule():
    told = subprocess.run(
        [nft, "list", "chain", "inet", "ess_actors", "output"], capture_output=True, text=True
    )
    return int(told.stdout.split("counter packets ")[1].split()[0])


kept = []
nft, file, service = sys.argv[1], sys.argv[2], int(sys.argv[3])
"x".encode("idna")  # host names need it, and another user may not be able to load it
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for owner, port in ((service, ACTOR), (service, LATE), (service, OPEN), (OTHER, FOREIGN)):
    listen(owner, port)
found = {"nobody reaches an actor without the rule": reaches(NOBODY, ACTOR)}
for _ in range(2):  # loaded anew it takes its own place
    subprocess.run([nft, "-f", file], check=True)
for port in (ACTOR, LATE):
    for name, uid in (("service", service), ("root", 0), ("nobody", NOBODY), ("another", OTHER)):
        found[f"{name} reaches {port}"] = reaches(uid, port)
found["nobody reaches an actor over IPv6"] = reaches(NOBODY, ACTOR, "::1")
found["service reaches an actor over IPv6"] = reaches(service, ACTOR, "::1")
found["refused by the rule"] = refused_by_rule() > 0
found["nobody reaches the open port"] = reaches(NOBODY, OPEN)
found["nobody reaches somebody else's port"] = reaches(NOBODY, FOREIGN)
found["service reaches somebody else's port"] = reaches(service, FOREIGN)
COOKIES.write_text("2")  # as for a listener under a flood
found["nobody reaches an actor under a flood"] = reaches(NOBODY, ACTOR)
found["service reaches an actor under a flood"] = reaches(service, ACTOR)
print(json.dumps(found))
