"""When the gradient of a script is not to be compared with its loss: of other rows, or of second order."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

    from maplet.health.audit.program.tape import Tape

solvers = frozenset(["solve", "inv", "pinv", "lstsq", "cholesky", "eigh", "eig", "svd"])


def is_of_second_order(tape: Tape, backward: Collection[int]) -> bool:
    """Whether an update solves equations: its direction is that of no gradient."""
    return any(tape.calls[n].kind in solvers for n in backward)


def is_of_some_rows(
    tape: Tape, backward: Collection[int], forward: Collection[int], parameters: Collection[int]
) -> bool:
    """Whether the backward pass reads some rows of data that the loss reads as a whole.

    Rows that the parameters choose, ``X[margins < 1]``, are those on one side of a kink, and of the derivative.
    """
    from_parameters = set(parameters)
    whole, rows = set[int](), dict[int, set[int]]()
    for call in tape.calls:
        if not from_parameters.isdisjoint(call.operands):
            from_parameters.add(call.number)
        if call.kind not in ("getitem", "take"):
            whole.update(call.operands if call.number in forward else ())
            continue
        data = call.operands[0]
        is_kink = any(tape.values[n].dtype.kind == "b" and n in from_parameters for n in call.operands[1:])
        if call.number in backward and data not in from_parameters and np.ndim(tape.values[data]) and not is_kink:
            every = np.arange(len(tape.values[data])).reshape(-1, *[1] * (np.ndim(tape.values[data]) - 1))
            taken = call.compute(tape.values, {data: np.broadcast_to(every, np.shape(tape.values[data]))})
            rows.setdefault(data, set()).update(map(int, np.unique(taken)))
    return any(data in whole and len(taken) < len(tape.values[data]) for data, taken in rows.items())
