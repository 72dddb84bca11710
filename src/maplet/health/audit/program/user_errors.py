"""Errors of the user's own code, told as such."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, TypeVar

from maplet.core.context import package_folder
from maplet.errors import GradientError, MapletError
from maplet.health.audit.program.lines import numpy_folder

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
libraries = (numpy_folder, sysconfig.get_paths()["stdlib"])


def of_user(function: Callable[[], T]) -> T:
    """Run the user's own code; an error in it is told as such."""
    try:
        return function()
    except MapletError:
        raise
    except (Exception, SystemExit) as error:
        places = [(f.f_code.co_filename, line) for f, line in walk_tb(error.__traceback__)]
        theirs = [(file, line) for file, line in places if not file.startswith((package_folder, *libraries))]
        if isinstance(error, SyntaxError):
            theirs = [(error.filename or "", error.lineno or 0)]
        where = f"{Path(theirs[-1][0]).name}:{theirs[-1][1]}" if theirs else None
        if isinstance(error, SystemExit):
            raise GradientError(
                f"the audited code ends the program before anything could be judged: sys.exit({error.code!r})",
                fix="take sys.exit out of the way that leads to the gradients",
                where=where,
            ) from error
        raise GradientError(
            f"the audited code raises {said(error)}",
            fix="mend that first: the audit runs the code as it stands, with the arguments that it is given",
            where=where,
        ) from error


def said(error: BaseException) -> str:
    """An error in words, as far as it has some."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  (an error of the user's own, which fails at its words)
        return type(error).__name__
