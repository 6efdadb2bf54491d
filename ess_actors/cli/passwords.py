"""Passwords on the command line: asked for without being shown, or read from a pipe; never an argument."""

import sys

import click

from ess_actors.core.errors import RequestError


def asked(prompt: str) -> str:
    """A password that exists."""
    if sys.stdin is not None and sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, err=True))
    return _piped()


def asked_anew(prompt: str) -> str:
    """A new password, typed twice."""
    if sys.stdin is not None and sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True))
    return _piped()


def _piped() -> str:
    line = sys.stdin.readline() if sys.stdin is not None else ""
    if not line.strip():
        raise RequestError("no_password", "type the password at a terminal, or pipe it in as one line")
    return line.rstrip("\r\n")
