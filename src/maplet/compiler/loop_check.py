"""Is this kernel legal? Run on every kernel in the tests, and before it is compiled where the compiler is debugged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import inf
from typing import TYPE_CHECKING

from maplet.compiler.loops import (
    After,
    Ahead,
    Apply,
    Cast,
    Constant,
    Fold,
    For,
    If,
    Load,
    Pick,
    Report,
    Size,
    Splat,
    Steps,
    Store,
    Variable,
    operands,
)
from maplet.core.index_notation import Access, Call
from maplet.core.kinds import access_of
from maplet.core.primitive import registry
from maplet.core.types import ArrayType, dtypes_by_short_name, float_limits, kind_of, short_name
from maplet.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from maplet.compiler.loops import Buffer, Kernel, Statement, Value

# What is no operation on arrays, but a part of one.
own_functions = {("philox", ("u64", "u64", "i64", "i64")): "u32"}  # (key, draw, block, word) → 32 random bits
own_functions |= {("fma", (dtype,) * 3): dtype for dtype in ("f16", "bf16", "f32", "f64")}  # x·y + z, rounded once
own_functions |= {("polygamma", (dtype,) * 2): dtype for dtype in ("f16", "bf16", "f32", "f64")}  # ψₙ(x) of (x, n)
number_folds, truth_folds = {"sum", "prod", "max", "min"}, {"any", "all"}


def check(kernel: Kernel) -> Kernel:
    """The kernel, if it is legal.

    Raises
    ------
    GraphError
        If dtypes or lanes do not fit, if a value is used where it is not known, or if a buffer, size or variable is
        not declared, or twice. It says what is wrong, and in which loop.
    """
    _Checker(kernel).whole()
    return kernel


@cache
def result_dtype(function: str, dtypes: tuple[str, ...]) -> str:
    """The dtype that a scalar function gives for arguments of some dtypes; `GraphError` if it does not take them."""
    own = {taken: gives for (name, taken), gives in own_functions.items() if name == function}
    if dtypes in own:
        return own[dtypes]
    if own:
        raise GraphError(f"{function} takes ({'), ('.join(', '.join(taken) for taken in own)})")
    if function not in registry:
        raise GraphError("there is no such operation")
    types = [ArrayType((), dtypes_by_short_name[dtype]) for dtype in dtypes]
    try:
        gives = registry[function].shape(*types)
        access = access_of(registry[function], types, {})
    except Exception as error:  # a shape that is given what nobody meant for it may fail in any way
        raise GraphError(str(error)) from error
    if not isinstance(gives, ArrayType) or not isinstance(access, Access) or not _is_call(access, function):
        raise GraphError("this is no elementwise operation")
    return short_name(gives.dtype)


def _is_call(access: Access, function: str) -> bool:
    return isinstance(access.value, Call) and access.value.function == function


@dataclass(slots=True)
class _Body:
    """What is known in the body of the kernel, a loop or an if, and not around it."""

    title: str
    variables: set[Variable]
    ended: set[For]  # the loops that have run


class _Checker:
    """Goes through a kernel as it runs; ``bodies`` are those around the place where it stands, outermost first."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.bodies = [_Body(f"kernel {kernel.name}", {kernel.begin, kernel.end}, set())]
        self.needs: dict[Value, frozenset[Value]] = {}  # the variables and loops' ends that a value is made of
        self.loops: set[For] = set()
        self.declared: set[Variable] = {kernel.begin, kernel.end}

    def whole(self) -> None:
        """Check the header, then all statements."""
        kernel = self.kernel
        names = [*[buffer.name for buffer in kernel.buffers], *kernel.sizes]
        for name in names:
            self.require(names.count(name) == 1, f"{names.count(name)} buffers or sizes are called {name!r}")
        self.require(kernel.scratch >= 0, f"{kernel.scratch} bytes of scratch memory")
        for buffer in kernel.buffers:
            self.buffer(buffer)
        for variable in (kernel.begin, kernel.end):
            self.position(variable, f"{variable.name} of the kernel")
        self.statements(kernel.body)

    def require(self, holds: bool, complaint: str) -> None:
        """Raise `GraphError` with the place in the kernel, unless something holds."""
        if not holds:
            raise GraphError(complaint, where=" › ".join(body.title for body in self.bodies))

    # ── statements ───────────────────────────────────────────────────────────────────────────────

    def statements(self, body: Iterable[Statement]) -> None:
        """Check statements in their order."""
        for statement in body:
            match statement:
                case Store():
                    self.store(statement)
                case Ahead(at=at):
                    self.position(at, "the place of an ahead")
                case For():
                    self.loop(statement)
                case If(condition=condition, body=inner):
                    self.truth(condition, 1, "the condition of an if")
                    self.bodies.append(_Body("if", set(), set()))
                    self.statements(inner)
                    self.bodies.pop()
                case Report(condition=condition, code=code):
                    self.truth(condition, condition.lanes, "the condition of a report")
                    self.position(code, "the code of a report")

    def store(self, store: Store) -> None:
        """The value has the buffer's dtype; position and mask fit to its lanes."""
        buffer, value = store.buffer, store.value
        self.use(value)
        self.require(value.dtype == buffer.dtype, f"{_kind(value)} is stored to {buffer.name}: {buffer.dtype}")
        for part in (store.at, store.mask):
            if part is not None:
                self.use(part)
        self.memory(store, value.lanes)

    def loop(self, loop: For) -> None:
        """A loop declares its index and what it carries, for its own body only."""
        title = f"for {loop.index.name}"
        self.require(loop not in self.loops, f"the loop {title} stands twice in the kernel")
        self.loops.add(loop)
        self.require(loop.step > 0, f"{title} has the step {loop.step!r}; it must be > 0")
        self.position(loop.start, f"the start of {title}")
        self.position(loop.stop, f"the stop of {title}")
        self.same_kind(loop.index, "i64", 1, f"the index of {title}")
        for carry in loop.carried:
            self.use(carry.start)
            self.agrees(carry.variable, carry.start, "starts from")
        body = _Body(title, set(), set())
        self.bodies.append(body)
        for variable in (loop.index, *[carry.variable for carry in loop.carried]):
            self.declare(variable, body)
        self.statements(loop.body)
        for carry in loop.carried:
            self.use(carry.next)
            self.agrees(carry.variable, carry.next, "goes on with")
        self.bodies.pop()
        self.bodies[-1].ended.add(loop)

    def declare(self, variable: Variable, body: _Body) -> None:
        """Enter a variable into a body, the only one that it has in the kernel. Its name is for people."""
        self.require(variable not in self.declared, f"the variable {variable.name} is declared twice")
        self.declared.add(variable)
        body.variables.add(variable)

    def agrees(self, variable: Variable, value: Value, verb: str) -> None:
        """What is carried keeps its dtype and lanes."""
        fits = (variable.dtype, variable.lanes) == (value.dtype, value.lanes)
        self.require(fits, f"the carried {variable.name}: {_kind(variable)} {verb} {_kind(value)}")

    # ── values where they are used ───────────────────────────────────────────────────────────────

    def position(self, value: Value, what: str) -> None:
        """One i64."""
        self.use(value)
        self.same_kind(value, "i64", 1, what)

    def truth(self, value: Value, lanes: int, what: str) -> None:
        """So many truth values."""
        self.use(value)
        self.same_kind(value, "bool", lanes, what)

    def same_kind(self, value: Value, dtype: str, lanes: int, what: str) -> None:
        """A value of one dtype and number of lanes."""
        expected = dtype if lanes == 1 else f"{dtype}×{lanes}"
        self.require((value.dtype, value.lanes) == (dtype, lanes), f"{what} must be {expected}, it is {_kind(value)}")

    def use(self, root: Value) -> None:
        """Check a value, all that it is made of, and that this is known here."""
        waiting = [root]
        while waiting:
            value = waiting[-1]
            missing = [operand for operand in operands(value) if operand not in self.needs]
            waiting += missing
            if not missing:
                waiting.pop()
                if value not in self.needs:
                    self.typed(value)
                    own: frozenset[Value] = frozenset([value] if isinstance(value, Variable | After) else [])
                    self.needs[value] = own.union(*(self.needs[v] for v in operands(value)))
        for needed in self.needs[root]:
            if isinstance(needed, After):
                known = any(needed.loop in body.ended for body in self.bodies)
                self.require(known, f"what for {needed.loop.index.name} carries is used before its end, or too far out")
            elif isinstance(needed, Variable):
                known = any(needed in body.variables for body in self.bodies)
                self.require(known, f"the variable {needed.name} is used outside its loop")

    def typed(self, value: Value) -> None:
        """Raise `GraphError` unless a value has the dtype and lanes that its operands give."""
        self.require(value.dtype in dtypes_by_short_name, f"{value.dtype!r} is no dtype")
        self.require(value.lanes > 0, f"{value.lanes!r} lanes")
        match value:
            case Constant():
                self.require(_fits(value), f"{value.number!r} is no number of {value.dtype}")
            case Size(name=name):
                self.same_kind(value, "i64", 1, f"the size {name}")
                self.require(name in self.kernel.sizes, f"the size {name} is not declared")
            case Load(buffer=buffer):
                self.require(
                    value.dtype == buffer.dtype, f"{_kind(value)} is loaded from {buffer.name}: {buffer.dtype}"
                )
                self.memory(value, value.lanes)
            case Apply():
                self.applied(value)
            case After(loop=loop, number=number):
                self.require(0 <= number < len(loop.carried), f"for {loop.index.name} carries no value number {number}")
                self.agrees(loop.carried[number].variable, value, "ends as")
            case _:
                self.arranged(value)

    def arranged(self, value: Value) -> None:
        """Check what changes dtype or lanes and leaves the numbers as they are, or combines them."""
        match value:
            case Steps():
                self.require(value.dtype == "i64", f"steps are i64, not {value.dtype}")
                self.require(value.lanes > 1, "steps in one lane; write 0")
            case Cast(value=inner):
                self.require(value.lanes == inner.lanes, f"a cast makes {_kind(value)} of {_kind(inner)}")
            case Splat(value=inner):
                fits = value.dtype == inner.dtype and inner.lanes == 1 < value.lanes
                self.require(fits, f"a splat makes {_kind(value)} of {_kind(inner)}")
            case Fold(combiner=combiner, value=inner):
                self.require(combiner in number_folds | truth_folds, f"{combiner} is no way to fold lanes")
                fits = (inner.dtype == "bool") == (combiner in truth_folds) and value.dtype == inner.dtype
                self.require(fits and value.lanes == 1, f"the {combiner} of {_kind(inner)} is not {_kind(value)}")
                self.require(inner.lanes & (inner.lanes - 1) == 0, f"{inner.lanes} lanes cannot be halved to one")
            case Pick(first=first, second=second, order=order):
                alike = first.dtype == second.dtype == value.dtype and first.lanes == second.lanes > 1
                self.require(alike, f"{_kind(value)} is picked of {_kind(first)} and {_kind(second)}")
                there = len(order) == value.lanes and all(0 <= lane < 2 * first.lanes for lane in order)
                self.require(there, f"{_kind(value)} are picked as {order}")
            case _:
                pass

    def applied(self, value: Apply) -> None:
        """All arguments have the lanes of the result; the function takes and gives these dtypes."""
        shown = f"{value.function}({', '.join(map(_kind, value.arguments))})"
        self.require(all(v.lanes == value.lanes for v in value.arguments), f"{shown} is to have {value.lanes} lanes")
        try:
            gives = result_dtype(value.function, tuple(v.dtype for v in value.arguments))
        except GraphError as error:
            self.require(holds=False, complaint=f"{shown}: {error.message}")
        else:
            self.require(gives == value.dtype, f"{shown} is {gives}, not {value.dtype}")

    # ── memory ───────────────────────────────────────────────────────────────────────────────────

    def buffer(self, buffer: Buffer) -> None:
        """An argument of the kernel, or a place in its scratch memory."""
        self.require(buffer.dtype in dtypes_by_short_name, f"{buffer.name}: {buffer.dtype!r} is no dtype")
        if buffer.scratch is None:
            self.require(buffer in self.kernel.buffers, f"the buffer {buffer.name} is not declared")
            return
        inside = 0 <= buffer.scratch < self.kernel.scratch
        self.require(
            inside, f"{buffer.name} stands at {buffer.scratch} of {self.kernel.scratch} bytes of scratch memory"
        )
        whole = buffer.scratch % dtypes_by_short_name[buffer.dtype].itemsize == 0
        self.require(whole, f"{buffer.name} stands at {buffer.scratch}, between two places for {buffer.dtype}")

    def memory(self, access: Load | Store, lanes: int) -> None:
        """Position and mask of a load or a store fit to its lanes."""
        self.buffer(access.buffer)
        at, mask, name = access.at, access.mask, access.buffer.name
        fits = at.dtype == "i64" and at.lanes in (1, lanes)
        self.require(fits, f"{name} with {lanes} lanes is used at {_kind(at)}; one i64, or one per lane")
        if mask is not None:
            self.same_kind(mask, "bool", lanes, f"the mask of {name}")


def _kind(value: Value) -> str:
    return value.dtype if value.lanes == 1 else f"{value.dtype}×{value.lanes}"


def _fits(constant: Constant) -> bool:
    """Whether a dtype has the number; that of integers may be given modulo 2^bits."""
    dtype, number = dtypes_by_short_name[constant.dtype], constant.number
    if kind_of(dtype) == "f":
        return not -inf < number < inf or abs(number) <= float(float_limits(dtype).max)
    if kind_of(dtype) == "b":
        return number in (0, 1)
    bits = 8 * dtype.itemsize
    return -inf < number < inf and number == int(number) and -(2 ** (bits - 1)) <= number < 2**bits
