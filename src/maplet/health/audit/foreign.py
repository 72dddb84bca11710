"""Arrays of other libraries: maplet's own, and tensors of PyTorch, known by what they can do.

They cannot be recorded, so their programs are compared with central differences.
"""

# What a program of a user's holds may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import numpy as np

from maplet.core.array import Array


def is_foreign(value: Any) -> bool:
    """Whether a value is an array of maplet or a tensor."""
    return isinstance(value, Array) or (hasattr(value, "new_tensor") and hasattr(value, "detach"))


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
