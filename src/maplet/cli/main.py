"""The command ``maplet`` and what becomes of its errors: one readable message, never a traceback unless asked for."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import TYPE_CHECKING

import click

import maplet
from maplet.cli.predict import predict
from maplet.cli.show import show
from maplet.cli.train import train
from maplet.errors import MapletError, RunExistsError, SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """  # noqa: D301  (\b is how click keeps lines apart)
    _show_notes()
    click.get_current_context().obj = {"debug": debug}


for command in (train, predict, show):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 the work failed, 2 the call was wrong, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        cli.main(args=list(arguments), prog_name="maplet", standalone_mode=False)
    except Exception as error:  # noqa: BLE001  (the last one who can turn it into a message)
        if "--debug" in arguments:
            traceback.print_exc()
        sys.exit(_tell(error))
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)


def _tell(error: Exception) -> int:
    """Say what went wrong; returns the exit status."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.Abort):
        click.echo("interrupted", err=True)
        return 130
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        # The reader of our output has gone (`maplet show … | head`): nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if isinstance(error, MapletError):
        click.echo(f"error: {error}", err=True)
        return 2 if isinstance(error, usage_errors) else 1
    known = isinstance(error, OSError | MemoryError)
    advice = "" if known else "\n  fix: this is a fault of maplet; please report it with the output of --debug"
    click.echo(f"error: {type(error).__name__}: {error}{advice}", err=True)
    return 1


class _Notes(logging.Handler):
    """Notes of the library, such as columns that are left out, one line each on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        click.echo(f"note: {record.getMessage()}", err=True)


def _show_notes() -> None:
    logger = logging.getLogger("maplet")
    if not any(isinstance(handler, _Notes) for handler in logger.handlers):
        logger.addHandler(_Notes(logging.WARNING))
        logger.propagate = False
