"""A script is run as Python would run it, recorded, until the witness has seen what it needs."""

from __future__ import annotations

import contextlib
import io
import linecache
import sys
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import GradientError
from maplet.health.audit.program.tape import Float, UnrecordedError
from maplet.health.audit.program.watching import watching
from maplet.health.audit.scripts.instrument import instrumented, word
from maplet.health.audit.scripts.witness import Stop, Witness

if TYPE_CHECKING:
    import ast
    from collections.abc import Generator
    from pathlib import Path

    from maplet.health.audit.scripts.turn import Turn


def witnessed(path: Path) -> Turn:
    """The first turn of a script that changes its parameters."""
    script = instrumented(path.read_text(encoding="utf-8"), str(path))
    linecache.checkcache(str(path))
    witness = Witness(str(path), script)
    try:
        _run(path, script.tree, witness)
    except UnrecordedError as error:
        if witness.found is None:
            raise GradientError(
                f"{path.name} is not judged: it could not be recorded ({error})",
                fix="audit its functions: FILE.py:forward FILE.py:backward",
            ) from error
    except (Exception, SystemExit):
        if witness.found is None:  # what comes behind the turn is not judged
            raise
    if witness.found is not None:
        return witness.found
    if not witness.losses:
        raise GradientError(
            f"{path.name} is not judged: no loss was found",
            fix="assign it to a variable called loss, as one number: loss = np.mean(…)",
        )
    raise GradientError(
        f"{path.name} is not judged: no update of a parameter was found behind a loss that it leads to",
        fix="compute the loss before the update, or audit its functions: FILE.py:forward FILE.py:backward",
    )


def _run(path: Path, tree: ast.Module, witness: Witness) -> None:
    module = ModuleType("__main__")
    module.__file__ = str(path)
    space: dict[str, Any] = vars(module)
    space |= {word: witness, "float": Float}
    with _as_a_program(path), _returns(witness, space), contextlib.suppress(Stop), np.errstate(all="ignore"):
        exec(compile(tree, str(path), "exec"), space)  # noqa: S102  (the file that the user named)


@contextlib.contextmanager
def _as_a_program(path: Path) -> Generator[None]:
    """The folder and the arguments that the script would have; what it prints is not shown."""
    folder, arguments, typed = str(path.parent.resolve()), sys.argv, sys.stdin
    sys.path.insert(0, folder)
    sys.argv = [str(path)]
    sys.stdin = io.StringIO()  # a question would not be seen
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        sys.path.remove(folder)
        sys.argv = arguments
        sys.stdin = typed


@contextlib.contextmanager
def _returns(witness: Witness, space: dict[str, Any]) -> Generator[None]:
    """Let the witness see the variables of the script's functions where they return."""

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_globals is space and frame.f_code.co_name != "<module>":
            witness.note(frame.f_locals)
            witness.tape.leave(frame)

    with watching(note):
        yield
