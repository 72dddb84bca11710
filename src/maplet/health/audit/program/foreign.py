"""Arrays of other libraries: maplet's own, and tensors of PyTorch, known by what they can do.

In a recorded run NumPy's stand for them (`library`).
"""

# What a program of a user's holds may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import numpy as np

from maplet.core.array import Array
from maplet.health.audit.program.tape import Recorded


def is_foreign(value: Any) -> bool:
    """Whether a value is an array of maplet or a tensor."""
    return isinstance(value, Array) or is_tensor(value)


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of PyTorch."""
    return not isinstance(value, Recorded) and hasattr(value, "new_tensor") and hasattr(value, "detach")


def numbers_of(value: Any) -> Any:
    """The numbers of an array, of whatever library."""
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)


def of_kind(like: Any, numbers: Any) -> Any:
    """Numbers as an array of the library that another is of, in their own dtype."""
    if isinstance(like, Array):
        return Array(numbers)
    if is_foreign(like):
        return (like.double() if numbers.dtype == np.float64 else like).new_tensor(numbers)
    return np.array(numbers)
