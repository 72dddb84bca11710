"""The command ``maplet`` and what becomes of its errors: one readable message, never a traceback unless asked for."""

from __future__ import annotations

import io
import logging
import re
import sys
import traceback
from typing import TYPE_CHECKING

import click

import maplet
from maplet.bilingual import Bilingual
from maplet.cli.audit import audit
from maplet.cli.doctor import doctor
from maplet.cli.explain import explain
from maplet.cli.ir import ir
from maplet.cli.predict import predict
from maplet.cli.report import report
from maplet.cli.show import show
from maplet.cli.streams import close, prepare, say, to_nowhere
from maplet.cli.train import train
from maplet.errors import MapletError, RunExistsError, SettingError
from maplet.health.lint.finding import at

if TYPE_CHECKING:
    from collections.abc import Sequence

empty_places = (at.strip(), at.zh)  # of a finding whose place was only a line of the command itself
usage_errors = (SettingError, RunExistsError)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(maplet.__version__, prog_name="maplet")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train networks that you can see through.

    \b
    maplet train digits
    maplet train penguins.csv --target species
    maplet predict runs/penguins penguins.csv -o predictions.csv
    maplet show runs/penguins
    maplet report runs/penguins
    maplet explain runs/penguins --row 3
    maplet doctor runs/penguins
    maplet ir net.py:step --arg f32[128,784]
    maplet audit net.py:forward net.py:backward
    """  # noqa: D301  (\b is how click keeps lines apart)
    _show_notes()
    click.get_current_context().obj = {"debug": debug}


for command in (train, predict, show, report, explain, audit, doctor, ir):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 the work failed, 2 the call was wrong, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    prepare()
    status = _run(arguments)
    sys.exit(close() or status)


def _run(arguments: list[str]) -> int:
    """Run the command line; returns the exit status."""
    try:
        return cli.main(args=arguments, prog_name="maplet", standalone_mode=False) or 0
    except Exception as error:  # noqa: BLE001  (the last one who can turn it into a message)
        if "--debug" in arguments:
            say(traceback.format_exc())
        return _tell(error)
    except KeyboardInterrupt:
        say("interrupted")
        return 130


def _tell(error: Exception) -> int:
    """Say what went wrong; returns the exit status."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.Abort):
        say("interrupted")
        return 130
    if isinstance(error, click.ClickException):
        error.show(shown := io.StringIO())
        say(shown.getvalue().rstrip("\n"))
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        to_nowhere(sys.stdout)  # its reader has gone (`maplet show … | head`): nothing is left to say
        return 1
    if isinstance(error, MapletError):
        error.where = _without_our_line(error.where)
        say(f"error: {error}")
        return 2 if isinstance(error, usage_errors) else 1
    say(f"error: {type(error).__name__}: {error}\n  fix: {_advice(error)}")
    return 1


def _advice(error: Exception) -> str:
    """What to do about an error that is none of maplet's own."""
    if isinstance(error, OSError):
        return "look whether the disk is full, and whether the file may be read and written"
    if isinstance(error, MemoryError):
        return "close other programs, or choose narrower layers, a smaller batch or fewer rows"
    return "this is a fault of maplet; please report it with the output of --debug"


def _without_our_line(where: str | None) -> str | None:
    """The place of an error without the line of "the user's code", which is click's own when a command runs."""
    return re.sub(r"(^made at | · |^)core\.py:\d+$", "", where) if where else where


class _Notes(logging.Handler):
    """Notes of the library, such as columns that are left out, one line each on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        lines = [_without_our_line(line) or line for line in record.getMessage().splitlines()]
        context = click.get_current_context(silent=True)
        spoken = context.params.get("language", "en") if context else "en"
        note = Bilingual("note: ", "提示：").speak(spoken)
        say(note + "\n".join(line for line in lines if line.strip() not in empty_places))


def _show_notes() -> None:
    logger = logging.getLogger("maplet")
    if not any(isinstance(handler, _Notes) for handler in logger.handlers):
        logger.addHandler(_Notes(logging.WARNING))
        logger.propagate = False
