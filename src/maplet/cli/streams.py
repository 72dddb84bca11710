"""The two streams of a command: results go to standard output, remarks to standard error.

What the encoding of a stream cannot hold is written as an escape, and a remark that nobody can read (the disk is full,
the reader has gone) is dropped: neither may end a training that is going well.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from typing import TextIO


def prepare() -> None:
    """Make both streams take any text."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """A remark on standard error."""
    try:
        click.echo(text, err=True, file=sys.stderr)
    except OSError:
        to_nowhere(sys.stderr)


def close() -> int:
    """Write out what still waits; 1 if the results could not be written, else 0."""
    status = 0
    streams: list[TextIO | None] = [sys.stderr, sys.stdout]  # None where they were closed before Python began
    for stream in filter(None, streams):
        try:
            stream.flush()
        except (OSError, ValueError):
            to_nowhere(stream)
            status = int(stream is sys.stdout)
    return status


def to_nowhere(stream: TextIO) -> None:
    """From now on what is written there vanishes, so that Python does not stumble over it again when it ends."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):
        return  # it is no file, or closed
