"""Every exception and warning of maplet.

An error teaches: it says what was given, what was expected, where in the user's code, and how to mend it.

::

    MapletError
    ├── ShapeError (ValueError)         shapes that do not fit; both are shown
    ├── DTypeError (TypeError)          a kind of number that the operation does not take
    ├── PositionError (IndexError)      a position outside the axis that it points into
    ├── AxisError (ShapeError, PositionError) an axis that the array does not have
    ├── TooLargeError (MemoryError)     an array for which there is no memory
    ├── TraceError (RuntimeError)       a traced array used as if it had a value, or after its trace
    ├── GradientError (ValueError)      a derivative that does not exist or was asked for wrongly
    ├── ConvergenceError (ArithmeticError) an equation for which no solution was found
    ├── GraphError (ValueError)         a graph that is not legal, or text that is not a graph
    ├── SettingError (ValueError)       an option outside its range: learning rate ≤ 0, batch size 0 …
    ├── DataError (ValueError)          a file, table or array that cannot be learned from
    ├── CheckpointError (RuntimeError)  a saved model or run that cannot be read
    ├── RunExistsError (FileExistsError) a run directory that would be overwritten
    └── TrainingError (RuntimeError)    training that cannot go on
        └── NonFiniteError              the loss became NaN or infinite

    MapletWarning (UserWarning)         something was changed or looks wrong; each has a stable code
"""

from typing import Any


class MapletError(Exception):
    """The root of every error that maplet raises on purpose.

    Parameters
    ----------
    message
        What was given and what was expected.
    fix
        How to mend it, when that is known.
    where
        The place: layer path and the user's line, or file, row and column.

    Attributes
    ----------
    layer
        The innermost layer that was being called, as `Module` fills it in; shown unless the message names it.

    Examples
    --------
    >>> print(ShapeError("matmul: (2, 3) and (4, 5) do not fit", fix="transpose the second", where="net.py:3"))
    matmul: (2, 3) and (4, 5) do not fit
      at:  net.py:3
      fix: transpose the second
    """

    def __init__(self, message: str, *, fix: str | None = None, where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.where = where
        self.layer: str | None = None

    def __str__(self) -> str:
        lines = [self.message]
        if self.layer and self.layer.partition("(")[0] not in self.message:
            lines.append(f"  in:  {self.layer}")
        if self.where:
            lines.append(f"  at:  {self.where}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class ShapeError(MapletError, ValueError):
    """Shapes that do not fit together."""


class DTypeError(MapletError, TypeError):
    """A kind of number that the operation does not take."""


class PositionError(MapletError, IndexError):
    """A position outside the axis that it points into."""


class AxisError(ShapeError, PositionError):
    """An axis that the array does not have, or a mask that does not fit; also a ShapeError and a PositionError."""


class TooLargeError(MapletError, MemoryError):
    """An array for which there is no memory; says how large it would be."""


class TraceError(MapletError, RuntimeError):
    """A traced array used as if it had a value, or after its trace has ended."""


class GradientError(MapletError, ValueError):
    """A derivative that does not exist, or was asked for wrongly."""


class ConvergenceError(MapletError, ArithmeticError):
    """An equation for which no solution was found; says how far off the last guess is."""


class GraphError(MapletError, ValueError):
    """A graph that is not legal, or text that is not a graph."""


class SettingError(MapletError, ValueError):
    """An option outside its range, such as a learning rate of zero."""


class DataError(MapletError, ValueError):
    """A file, table or array that cannot be learned from; names the row and column."""


class CheckpointError(MapletError, RuntimeError):
    """A saved model or run that is damaged, foreign, or of another version."""


class RunExistsError(MapletError, FileExistsError):
    """A run directory that would be overwritten."""


class TrainingError(MapletError, RuntimeError):
    """Training that cannot go on."""


class NonFiniteError(TrainingError):
    """The loss, or a gradient, became NaN or infinite.

    Attributes
    ----------
    run
        Where `fit` raised it: the run as far as it came, for `mp.doctor`.
    found
        Where `mp.debug` raised it: the same in parts, a `maplet.transforms.debug.Found`.
    """

    run: Any = None
    found: Any = None


class MapletWarning(UserWarning):
    """Something was changed for the user, or looks wrong; the text begins with a stable code."""
