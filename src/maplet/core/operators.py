"""What ``a + b``, ``a @ b`` and ``a.sum()`` mean: the operation of that name, found when it is needed.

So an array knows no operation, and the vocabulary can stand below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.advice import for_arrays, no_attribute
from maplet.core.primitive import operations
from maplet.core.tree import Leaf

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


class Operators(Leaf):
    """The operators and methods of an array."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # == compares element by element

    @property
    def T(self) -> Array:  # noqa: N802  (the standard's name)
        """The transpose of a matrix: of an array with two axes."""
        return operations["transpose"](self)

    @property
    def mT(self) -> Array:  # noqa: N802  (the standard's name)
        """The last two axes exchanged: the transpose of each matrix."""
        return operations["matrix_transpose"](self)

    if not TYPE_CHECKING:  # a checker would take it that an array has every attribute

        def __getattr__(self, name: str) -> object:
            """Called for a name that is not there."""
            if name in for_arrays:
                raise no_attribute("Array", name, for_arrays)
            return object.__getattribute__(self, name)

    def copy(self) -> Array:
        """Another handle on the same values: what is assigned to a part of one does not show in the other."""
        return operations["asarray"](self)

    def __getitem__(self, key: Any) -> Array:
        return operations["getitem"](self, key)

    def astype(self, dtype: Any, *, copy: bool = True) -> Array:
        """The same numbers in another dtype."""
        return operations["astype"](self, dtype, copy=copy)

    def reshape(self, *shape: Any) -> Array:
        """The same elements in another shape; one length may be −1."""
        return operations["reshape"](self, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)

    def sum(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """The sum over axes."""
        return operations["sum"](self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """The mean over axes."""
        return operations["mean"](self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """The greatest element over axes."""
        return operations["max"](self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """The least element over axes."""
        return operations["min"](self, axis=axis, keepdims=keepdims)

    def std(self, axis: Any = None, *, correction: float = 0.0, keepdims: bool = False) -> Array:
        """The standard deviation over axes."""
        return operations["std"](self, axis=axis, correction=correction, keepdims=keepdims)

    def argmax(self, axis: int | None = None) -> Array:
        """The first position of the greatest element."""
        return operations["argmax"](self, axis=axis)

    def argmin(self, axis: int | None = None) -> Array:
        """The first position of the least element."""
        return operations["argmin"](self, axis=axis)

    def any(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """Whether at least one element over axes is true."""
        return operations["any"](self, axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, *, keepdims: bool = False) -> Array:
        """Whether every element over axes is true."""
        return operations["all"](self, axis=axis, keepdims=keepdims)

    def __neg__(self) -> Array:
        return operations["negative"](self)

    def __pos__(self) -> Array:
        return operations["positive"](self)

    def __abs__(self) -> Array:
        return operations["abs"](self)

    def __round__(self, digits: int | None = None) -> Array:
        """The nearest number with so many decimal places, halves to the even one; an array, also for one number."""
        return operations["round"](self) if digits is None else operations["round_to"](self, digits)

    def __invert__(self) -> Array:
        return operations["bitwise_invert"](self)

    def __add__(self, other: ArrayLike) -> Array:
        return operations["add"](self, other)

    def __radd__(self, other: ArrayLike) -> Array:
        return operations["add"](other, self)

    def __sub__(self, other: ArrayLike) -> Array:
        return operations["subtract"](self, other)

    def __rsub__(self, other: ArrayLike) -> Array:
        return operations["subtract"](other, self)

    def __mul__(self, other: ArrayLike) -> Array:
        return operations["multiply"](self, other)

    def __rmul__(self, other: ArrayLike) -> Array:
        return operations["multiply"](other, self)

    def __truediv__(self, other: ArrayLike) -> Array:
        return operations["divide"](self, other)

    def __rtruediv__(self, other: ArrayLike) -> Array:
        return operations["divide"](other, self)

    def __floordiv__(self, other: ArrayLike) -> Array:
        return operations["floor_divide"](self, other)

    def __rfloordiv__(self, other: ArrayLike) -> Array:
        return operations["floor_divide"](other, self)

    def __mod__(self, other: ArrayLike) -> Array:
        return operations["remainder"](self, other)

    def __rmod__(self, other: ArrayLike) -> Array:
        return operations["remainder"](other, self)

    def __pow__(self, other: ArrayLike) -> Array:
        return operations["pow"](self, other)

    def __rpow__(self, other: ArrayLike) -> Array:
        return operations["pow"](other, self)

    def __matmul__(self, other: ArrayLike) -> Array:
        return operations["matmul"](self, other)

    def __rmatmul__(self, other: ArrayLike) -> Array:
        return operations["matmul"](other, self)

    def __and__(self, other: ArrayLike) -> Array:
        return operations["bitwise_and"](self, other)

    def __rand__(self, other: ArrayLike) -> Array:
        return operations["bitwise_and"](other, self)

    def __or__(self, other: ArrayLike) -> Array:
        return operations["bitwise_or"](self, other)

    def __ror__(self, other: ArrayLike) -> Array:
        return operations["bitwise_or"](other, self)

    def __xor__(self, other: ArrayLike) -> Array:
        return operations["bitwise_xor"](self, other)

    def __rxor__(self, other: ArrayLike) -> Array:
        return operations["bitwise_xor"](other, self)

    def __lshift__(self, other: ArrayLike) -> Array:
        return operations["bitwise_left_shift"](self, other)

    def __rlshift__(self, other: ArrayLike) -> Array:
        return operations["bitwise_left_shift"](other, self)

    def __rshift__(self, other: ArrayLike) -> Array:
        return operations["bitwise_right_shift"](self, other)

    def __rrshift__(self, other: ArrayLike) -> Array:
        return operations["bitwise_right_shift"](other, self)

    def __eq__(self, other: object) -> Array:  # type: ignore[override]  # element by element, as in NumPy
        return NotImplemented if other is None else operations["equal"](self, other)

    def __ne__(self, other: object) -> Array:  # type: ignore[override]  # element by element, as in NumPy
        return NotImplemented if other is None else operations["not_equal"](self, other)

    def __lt__(self, other: ArrayLike) -> Array:
        return operations["less"](self, other)

    def __le__(self, other: ArrayLike) -> Array:
        return operations["less_equal"](self, other)

    def __gt__(self, other: ArrayLike) -> Array:
        return operations["greater"](self, other)

    def __ge__(self, other: ArrayLike) -> Array:
        return operations["greater_equal"](self, other)

    def __contains__(self, value: ArrayLike) -> bool:
        return bool(operations["any"](self == value))
