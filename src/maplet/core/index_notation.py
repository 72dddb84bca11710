"""Index notation: what an operation computes, element by element.

``out[i,j] = Σ_k x[i,k]·w[k,j]`` is data here. The kind of an operation (elementwise, movement, reduction,
contraction) is read off this expression, the compiler lowers it to loops, and the explanation prints it.
There are seven kinds of expression:

=========== =========================== ==========================
expression  example                     meaning
=========== =========================== ==========================
`Index`     ``i``                       a position along an axis
`Literal`   ``0.5``                     a number
`Read`      ``x[i,k]``                  an element of an operand
`Call`      ``exp(x[i])``               a scalar function
`Cast`      ``f32(n[i])``               a change of dtype
`Reduce`    ``Σ_k …``, ``max_k …``      a combination over an axis
`Running`   ``Σ_≤i …``, ``max_≤i …``    a combination up to a place
=========== =========================== ==========================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maplet.core.types import short_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np

    from maplet.core.types import ArrayType, Shape


@dataclass(frozen=True)
class Expression:
    """An expression for one element. Arithmetic on expressions makes expressions."""

    def __add__(self, other: Expression | int) -> Expression:
        return call("add", self, other)

    def __sub__(self, other: Expression | int) -> Expression:
        return call("subtract", self, other)

    def __mul__(self, other: Expression | int) -> Expression:
        return call("multiply", self, other)

    def __floordiv__(self, other: Expression | int) -> Expression:
        return call("floor_divide", self, other)

    def __mod__(self, other: Expression | int) -> Expression:
        return call("remainder", self, other)

    def __lt__(self, other: Expression | int) -> Expression:
        return call("less", self, other)

    def __ge__(self, other: Expression | int) -> Expression:
        return call("greater_equal", self, other)

    def equals(self, other: Expression | int) -> Expression:
        """``self == other``, element by element."""
        return call("equal", self, other)


@dataclass(frozen=True)
class Index(Expression):
    """A position along an axis: of the result, or of a reduction."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Literal(Expression):
    """A number."""

    value: float

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class Read(Expression):
    """An element of operand number ``operand``."""

    operand: int
    at: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"{operand_name(self.operand)}[{','.join(map(str, self.at))}]"


@dataclass(frozen=True)
class Call(Expression):
    """A scalar function, named like the elementwise operation, of scalar arguments."""

    function: str
    arguments: tuple[Expression, ...]

    def __str__(self) -> str:
        if self.function in infix and len(self.arguments) == 2:
            left, right = map(_in_parentheses, self.arguments)
            return f"{left}{infix[self.function]}{right}"
        return f"{self.function}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True)
class Cast(Expression):
    """The same number in another dtype."""

    value: Expression
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{short_name(self.dtype)}({self.value})"


@dataclass(frozen=True)
class Reduce(Expression):
    """``body`` for every value of ``index`` below ``extent``, put together by ``combiner``.

    Combiners: ``sum``, ``prod``, ``max``, ``min``, ``any``, ``all``, and ``argmax``, ``argmin`` (the first position).
    """

    combiner: str
    index: Index
    extent: int
    body: Expression

    def __str__(self) -> str:
        sign = {"sum": "Σ", "prod": "Π"}.get(self.combiner, self.combiner)
        return f"{sign}_{self.index} {_in_parentheses(self.body)}"


@dataclass(frozen=True)
class Running(Expression):
    """``body`` for every place along an axis of the result up to the result's own, put together by ``combiner``.

    With a ``factor``, what there was before is multiplied by it first: y[i] = factor·y[i − 1] + body. It stands only
    for the whole value of an operation.
    """

    combiner: str
    index: Index
    body: Expression
    factor: Expression | None = None

    def __str__(self) -> str:
        if self.factor is not None:
            return f"{_in_parentheses(self.factor)}·out[{self.index}−1] + {_in_parentheses(self.body)}"
        sign = {"sum": "Σ", "prod": "Π"}.get(self.combiner, self.combiner)
        return f"{sign}_≤{self.index} {_in_parentheses(self.body)}"


@dataclass(frozen=True)
class Access:
    """``out[axes] = value``: the whole meaning of an operation for given input types."""

    axes: tuple[Index, ...]
    value: Expression

    def __str__(self) -> str:
        return f"out[{','.join(map(str, self.axes))}] = {self.value}"


infix = {
    "add": " + ", "subtract": " − ", "multiply": "·", "divide": "/", "floor_divide": "//", "remainder": "%",
    "less": " < ", "greater_equal": " ≥ ", "equal": " = ", "logical_and": " ∧ ",
}  # fmt: skip
letters = "ijklmnpqrstuvw"


def call(function: str, *arguments: Expression | float) -> Call:
    """Apply a scalar function; numbers become literals."""
    return Call(function, tuple(a if isinstance(a, Expression) else Literal(a) for a in arguments))


def select(condition: Expression, yes: Expression, no: Expression | float) -> Call:
    """``yes`` where the condition holds, else ``no``; the branch not taken is not read."""
    return call("where", condition, yes, no)


def operand_name(operand: int) -> str:
    """How the n-th operand is called in print: x, y, z, x3 and so on."""
    return "xyz"[operand] if operand < 3 else f"x{operand}"


def indices(count: int, start: int = 0) -> tuple[Index, ...]:
    """Fresh axis names: i, j, k and so on."""
    return tuple(Index(letters[n] if n < len(letters) else f"i{n}") for n in range(start, start + count))


def read_broadcast(operand: int, shape: Shape, axes: Sequence[Index]) -> Read:
    """Read an operand whose axes are aligned at the right with ``axes``; axes of length 1 are repeated."""
    aligned = axes[len(axes) - len(shape) :]
    return Read(operand, tuple(Literal(0) if n == 1 else i for n, i in zip(shape, aligned, strict=True)))


def elementwise(function: str, *types: ArrayType) -> Access:
    """``out[i…] = function(x[i…], y[i…], …)`` with NumPy's broadcasting."""
    axes = indices(max(t.ndim for t in types))
    return Access(axes, Call(function, tuple(read_broadcast(n, t.shape, axes) for n, t in enumerate(types))))


def _in_parentheses(expression: Expression) -> str:
    text = str(expression)
    simple = not isinstance(expression, Call) or expression.function not in infix or expression.function == "multiply"
    return text if simple else f"({text})"
