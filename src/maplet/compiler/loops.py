"""The loop language: what stands between a graph and LLVM.

A kernel is a few nested loops over memory. Values have a dtype and a number of lanes; 16 lanes of ``f32`` are one
register of AVX-512, two of AVX2, four of SSE: the program, and so its result, is the same on all of them.

::

    kernel scale(x: f32, out: f32, n)
      for i in begin‥end step 16
        store out[i] = multiply(x[i]×16, 2.0×16)

Values are expressions without an order: a value is computed once, in the innermost loop whose variables it needs.
A kernel reads nothing that it has written, but at the very place that it writes next (an update in place).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


# ── values ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """A number, or ``lanes`` of them. ``dtype`` is a short name (``f32``, ``i64``, ``bool`` …)."""

    dtype: str
    lanes: int


@dataclass(frozen=True, eq=False, slots=True)
class Variable(Value):
    """The index of a loop, what a loop carries, or the kernel's own ``begin`` and ``end``."""

    name: str


@dataclass(frozen=True, eq=False, slots=True)
class Constant(Value):
    """The same number in every lane."""

    number: float


@dataclass(frozen=True, eq=False, slots=True)
class Size(Value):
    """An extent or a stride (in elements): an ``i64`` that is an argument of the kernel."""

    name: str


@dataclass(frozen=True, eq=False, slots=True)
class Steps(Value):
    """0, 1, 2 … in the lanes (``i64``)."""


@dataclass(frozen=True, eq=False, slots=True)
class Load(Value):
    """Elements of a buffer. ``at`` counts elements: one number for neighbours, one per lane for any (a gather).

    Where the mask does not hold nothing is read, and the lane is 0.
    """

    buffer: Buffer
    at: Value
    mask: Value | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Apply(Value):
    """A scalar function in every lane. Names are those of the elementwise operations, and ``fma(x, y, z)``."""

    function: str
    arguments: tuple[Value, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Cast(Value):
    """The same numbers in another dtype."""

    value: Value


@dataclass(frozen=True, eq=False, slots=True)
class Splat(Value):
    """One number in every lane."""

    value: Value


@dataclass(frozen=True, eq=False, slots=True)
class Fold(Value):
    """All lanes put together into one number: the upper half to the lower half, until one is left.

    Combiners: ``sum``, ``prod``, ``max``, ``min``, ``any``, ``all``.
    """

    combiner: str
    value: Value


@dataclass(frozen=True, eq=False, slots=True)
class Pick(Value):
    """Lanes of two values that stand side by side, or one of them: lane n is the lane ``order[n]`` of both."""

    first: Value
    second: Value
    order: tuple[int, ...]


@dataclass(frozen=True, eq=False, slots=True)
class After(Value):
    """What a loop carries, after its last round."""

    loop: For
    number: int


# ── memory ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False, slots=True)
class Buffer:
    """Memory that a kernel is given. ``bool`` takes a byte. With ``scratch``, the thread's own, at that many bytes."""

    name: str
    dtype: str
    scratch: int | None = None


# ── statements ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False, slots=True)
class Store:
    """Write to a buffer; ``at`` as in `Load`."""

    buffer: Buffer
    at: Value
    value: Value
    mask: Value | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Ahead:
    """Ask the cache for the line where a place of a buffer lies, or would lie: it will be read soon, or written."""

    buffer: Buffer
    at: Value
    written: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Carry:
    """What is handed from one round of a loop to the next."""

    variable: Variable
    start: Value
    next: Value


@dataclass(frozen=True, eq=False, slots=True)
class For:
    """``index`` from ``start`` to before ``stop``, by ``step`` (a number > 0). ``carried`` are updated at each end."""

    index: Variable
    start: Value
    stop: Value
    step: int
    body: tuple[Statement, ...] = ()
    carried: tuple[Carry, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class If:
    """Statements that run where one truth value holds."""

    condition: Value
    body: tuple[Statement, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Report:
    """Note in the kernel's status word that a condition holds in some lane: an error that Python raises later.

    ``code`` is a `Size`: the number of the error in the program.
    """

    condition: Value
    code: Value


Statement = Store | Ahead | For | If | Report


@dataclass(frozen=True, eq=False)
class Kernel:
    """A function of the machine: ``void kernel(i64 *arguments, i64 begin, i64 end, i8 *scratch)``.

    Parameters
    ----------
    name
        For people; two kernels of one text are one kernel, whatever they are called.
    buffers, sizes
        The arguments, one word of 64 bits each: the addresses of the buffers, then the sizes.
    body
        Its statements. They use ``begin`` and ``end``, the part of the outermost loop that one thread takes.
    scratch
        Bytes of memory of its own that each thread needs.
    """

    name: str
    buffers: tuple[Buffer, ...]
    sizes: tuple[str, ...]
    body: tuple[Statement, ...]
    scratch: int = 0
    begin: Variable = field(default_factory=lambda: Variable("i64", 1, "begin"))
    end: Variable = field(default_factory=lambda: Variable("i64", 1, "end"))


# ── shorthand ────────────────────────────────────────────────────────────────────────────────────


def index(name: str) -> Variable:
    """A variable for the positions of a loop."""
    return Variable("i64", 1, name)


def integer(number: int) -> Constant:
    """An ``i64`` that stands in the kernel."""
    return Constant("i64", 1, number)


def apply(function: str, *arguments: Value, dtype: str | None = None) -> Apply:
    """A function of values of one number of lanes; the dtype is that of the last argument if not given."""
    return Apply(dtype or arguments[-1].dtype, arguments[-1].lanes, function, arguments)


def converted(dtype: str, value: Value) -> Value:
    """The value in a dtype."""
    return value if value.dtype == dtype else Cast(dtype, value.lanes, value)


def splat(value: Value, lanes: int) -> Value:
    """The same value in so many lanes."""
    if isinstance(value, Constant):
        return Constant(value.dtype, lanes, value.number)
    return value if value.lanes == lanes else Splat(value.dtype, lanes, value)


def plus(*terms: Value) -> Value:
    """A sum of positions, without the zeros; numbers that stand in the kernel are added here."""
    constant = sum(int(t.number) for t in terms if isinstance(t, Constant))
    total: Value | None = None
    for term in terms:
        if not isinstance(term, Constant):
            total = term if total is None else apply("add", total, term)
    if total is None:
        return integer(constant)
    return total if constant == 0 else apply("add", total, integer(constant))


def times(first: Value, second: Value) -> Value:
    """A product of positions; 0 and 1 are left out."""
    for one, other in ((first, second), (second, first)):
        if isinstance(one, Constant) and one.number in (0, 1):
            return integer(0) if one.number == 0 else other
    if isinstance(first, Constant) and isinstance(second, Constant):
        return integer(int(first.number) * int(second.number))
    return apply("multiply", first, second)


def operands(value: Value) -> Sequence[Value]:
    """The values that a value is made of, in order."""
    match value:
        case Load(at=at, mask=mask):
            return (at,) if mask is None else (at, mask)
        case Apply(arguments=arguments):
            return arguments
        case Cast(value=inner) | Splat(value=inner) | Fold(value=inner):
            return (inner,)
        case Pick(first=first, second=second):
            return (first, second)
        case _:
            return ()


def turned(rows: Sequence[Value]) -> list[Value]:
    """A square of numbers, turned: lane l of row n becomes lane n of row l.

    Squares of 2 × 2 first, then squares of these, and so on: the upper right one changes places with the lower left.
    """
    count, found = len(rows), list(rows)
    step = 1
    while step < count:
        upper = tuple(count + lane - step if lane & step else lane for lane in range(count))
        lower = tuple(count + lane if lane & step else lane + step for lane in range(count))
        for n in range(count):
            if not n & step:
                a, b = found[n], found[n + step]
                found[n], found[n + step] = (Pick(a.dtype, count, a, b, order) for order in (upper, lower))
        step *= 2
    return found
