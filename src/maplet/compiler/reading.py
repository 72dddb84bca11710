"""The index notation of one node, read at a position: an element in terms of the operands' elements.

The order of a sum is fixed here, by the operation's own index notation and types, before anything is fused: over the
last axis of its operand it goes in lanes (lane l takes positions l, l + n, l + 2n …, then the lanes are put together
by halves), else one position after another, a long one in parts (`part_of`). Axes that are summed over and lie side by
side at the end of the operand count as one.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from maplet.compiler.elements import Axis, Convert, Element, Fetch, Linear, Number, Place, Running, Total, within
from maplet.core import index_notation as notation
from maplet.core.kinds import gives_bool
from maplet.core.types import short_name

if TYPE_CHECKING:
    from maplet.compiler.evaluator import Evaluator
    from maplet.core.graph import Node

Environment = dict[str, Linear]


class Reading:
    """The index notation of one node, turned into elements."""

    def __init__(self, evaluator: Evaluator, node: Node, guard: Element | None, lanes: tuple[str, ...]) -> None:
        self.evaluator = evaluator
        self.node = node
        self.guard = guard
        self.lanes = lanes  # the indices of the sum that goes in lanes, side by side at the end of the operand

    def value(self, expression: notation.Expression, env: Environment, dtype: str) -> Element:  # noqa: PLR0911  (one for each kind of expression)
        """An expression as an element; a number that stands in it takes the dtype that is wanted."""
        evaluator = self.evaluator
        match expression:
            case notation.Literal(value=value):
                return evaluator.number(dtype, value)
            case notation.Index(name=name):
                return evaluator.place(env[name])
            case notation.Read(operand=operand, at=at):
                source = self.node.inputs[operand]
                shape = source.array_type.shape
                where = tuple(self._inside(self.position(p, env), shape, n) for n, p in enumerate(at))
                return evaluator.element(source, where, self.guard)
            case notation.Cast(value=inner, dtype=target):
                value = self.value(inner, env, dtype)
                wanted = short_name(target)
                return value if value.dtype == wanted else evaluator.intern(Convert, wanted, value)
            case notation.Reduce():
                return self._reduce(expression, env, dtype)
            case notation.Running():
                return self._running(expression, env, dtype)
            case notation.Call(function="where", arguments=(condition, yes, no)):
                return self._choose(condition, yes, no, env, dtype)
            case notation.Call(function=function, arguments=arguments):
                return self._call(function, arguments, env, dtype)
            case _:
                raise TypeError(f"no meaning for {expression}")

    def _call(self, function: str, arguments: tuple[notation.Expression, ...], env: Environment, dtype: str) -> Element:
        if is_position(arguments):
            found = self._position_call(function, arguments, env)
            if found is not None:
                return found
        inner = "bool" if function.startswith("logical") else dtype
        first = next((d for d in map(self._dtype, arguments) if d), inner)
        values = [self.value(a, env, first) for a in arguments]
        if function == "multiply" and values[-1].dtype == "bool":  # in a sum of products of truth values
            function = "logical_and"
        result = "bool" if gives_bool(function) else "u32" if function == "philox" else values[-1].dtype
        return self.evaluator.function(result, function, *values)

    def _dtype(self, expression: notation.Expression) -> str | None:  # noqa: PLR0911  (one for each kind of expression)
        match expression:
            case notation.Read(operand=operand):
                return short_name(self.node.inputs[operand].array_type.dtype)
            case notation.Index():
                return "i64"
            case notation.Cast(dtype=dtype):
                return short_name(dtype)
            case notation.Call(function=function, arguments=arguments):
                if gives_bool(function):
                    return "bool"
                return next((d for d in map(self._dtype, reversed(arguments)) if d), None)
            case notation.Reduce(body=body, combiner=combiner):
                return "i64" if combiner.startswith("arg") else self._dtype(body)
            case _:
                return None

    def _position_call(
        self, function: str, arguments: tuple[notation.Expression, ...], env: Environment
    ) -> Element | None:
        """Comparisons of positions, of which many are known; arithmetic on positions."""
        evaluator = self.evaluator
        if function in ("less", "greater_equal", "equal"):
            left, right = (self.position(a, env) for a in arguments)
            difference = left + right.scaled(-1)
            low, high = difference.bounds()
            known = {
                "less": True if high < 0 else False if low >= 0 else None,
                "greater_equal": True if low >= 0 else False if high < 0 else None,
                "equal": True if low == high == 0 else False if low > 0 or high < 0 else None,
            }[function]
            if known is not None:
                return evaluator.number("bool", known)
            return evaluator.function("bool", function, evaluator.place(left), evaluator.place(right))
        if function in ("add", "subtract", "multiply", "floor_divide", "remainder"):
            return evaluator.place(self.position(notation.Call(function, arguments), env))
        return None

    def _choose(
        self,
        condition: notation.Expression,
        yes: notation.Expression,
        no: notation.Expression,
        env: Environment,
        dtype: str,
    ) -> Element:
        """The branch that is not taken is not read where the condition speaks of positions alone."""
        evaluator = self.evaluator
        wanted = self._dtype(yes) or self._dtype(no) or dtype
        test = self.value(condition, env, "bool")
        if isinstance(test, Number) or not is_position((condition,)):
            if isinstance(test, Number):
                return self.value(yes if test.value else no, env, wanted)
            return evaluator.function(wanted, "where", test, self.value(yes, env, wanted), self.value(no, env, wanted))
        outer = self.guard
        values: list[Element] = []
        for branch, holds in ((yes, test), (no, evaluator.function("bool", "logical_not", test))):
            self.guard = holds if outer is None else evaluator.function("bool", "logical_and", outer, holds)
            values.append(self.value(branch, env, wanted))
        self.guard = outer
        return evaluator.function(wanted, "where", test, *values)

    def _reduce(self, expression: notation.Reduce, env: Environment, dtype: str) -> Element:
        """One axis of a sum; those that go in lanes together are one."""
        name = expression.index.name
        evaluator = self.evaluator
        if name in self.lanes and name == self.lanes[0]:
            extents: list[int] = []
            body: notation.Expression = expression
            for _ in self.lanes:
                assert isinstance(body, notation.Reduce)  # noqa: S101  (as lanes_of has found)
                extents.append(body.extent)
                body = body.body
            axis = Axis(prod(extents))
            rest = Linear(0, {axis: 1}) if axis.extent != 1 else Linear()
            inner = dict(env)
            for n, lane in enumerate(self.lanes):
                size = prod(extents[n + 1 :])
                inner[lane] = evaluator.floor_divide(rest, size) if size else Linear()
                rest = rest + inner[lane].scaled(-size)
            value = self.value(body, inner, dtype)
            return evaluator.intern(
                Total, _total_dtype(expression.combiner, value), expression.combiner, axis, value, True
            )
        axis = Axis(expression.extent)
        form = Linear(0, {axis: 1}) if axis.extent != 1 else Linear()
        value = self.value(expression.body, {**env, name: form}, dtype)
        return evaluator.intern(
            Total, _total_dtype(expression.combiner, value), expression.combiner, axis, value, False
        )

    def _running(self, expression: notation.Running, env: Environment, dtype: str) -> Element:
        """What is put together along an axis of the result; the nest goes through it in order."""
        value = self.value(expression.body, env, dtype)
        factor = None if expression.factor is None else self.value(expression.factor, env, dtype)
        (axis,) = env[expression.index.name].terms or (Axis(1),)
        return self.evaluator.intern(Running, value.dtype, expression.combiner, axis, value, factor)

    # ── positions ────────────────────────────────────────────────────────────────────────────────

    def position(self, expression: notation.Expression, env: Environment) -> Linear:  # noqa: PLR0911  (one for each kind of expression)
        """An expression as a position."""
        match expression:
            case notation.Literal(value=value):
                return Linear(int(value))
            case notation.Index(name=name):
                return env[name]
            case notation.Call(function="add", arguments=(x, y)):
                return self.position(x, env) + self.position(y, env)
            case notation.Call(function="subtract", arguments=(x, y)):
                return self.position(x, env) + self.position(y, env).scaled(-1)
            case notation.Call(function="multiply", arguments=(x, notation.Literal(value=value))):
                return self.position(x, env).scaled(int(value))
            case notation.Call(function="floor_divide", arguments=(x, notation.Literal(value=value))):
                return self._quotient(self.position(x, env), int(value))
            case notation.Call(function="remainder", arguments=(x, notation.Literal(value=value))):
                form = self.position(x, env)
                return form + self._quotient(form, int(value)).scaled(-int(value))
            case _:
                value = self.value(expression, env, "i64")
                if isinstance(value, Place):
                    return value.at
                return Linear(int(value.value)) if isinstance(value, Number) else Linear(0, {value: 1})

    def _quotient(self, form: Linear, divisor: int) -> Linear:
        return self.evaluator.floor_divide(form, divisor) if divisor else Linear()  # of an empty array

    def _inside(self, form: Linear, shape: tuple[int, ...], n: int) -> Linear:
        """A position that was looked up is checked, and 0 is read where it lies outside."""
        if not any(isinstance(atom, Element) and _looks_up(atom) for atom in form.terms):
            return form
        low, high = form.bounds()
        if low >= 0 and high < shape[n]:  # it was checked before
            return form
        evaluator = self.evaluator
        place = evaluator.place(form)
        below = evaluator.function("bool", "less", place, evaluator.number("i64", 0))
        above = evaluator.function("bool", "greater_equal", place, evaluator.number("i64", shape[n]))
        outside = evaluator.function("bool", "logical_or", below, above)
        wrong = outside if self.guard is None else evaluator.function("bool", "logical_and", self.guard, outside)
        evaluator.checks.append((wrong, self.node))
        return Linear(0, {evaluator.function("i64", "where", outside, evaluator.number("i64", 0), place): 1})


def _total_dtype(combiner: str, body: Element) -> str:
    return "i64" if combiner.startswith("arg") else body.dtype


def _looks_up(element: Element) -> bool:
    return any(isinstance(inner, Fetch) for inner in within([element]))


def is_position(expressions: tuple[notation.Expression, ...]) -> bool:
    """Whether expressions speak of positions and numbers alone, and read nothing."""

    def holds(expression: notation.Expression) -> bool:
        match expression:
            case notation.Index() | notation.Literal():
                return True
            case notation.Call(function=function, arguments=arguments):
                return function != "philox" and all(map(holds, arguments))
            case _:
                return False

    return all(map(holds, expressions))


def lanes_of(access: notation.Access, node: Node) -> tuple[str, ...]:
    """The indices of the innermost sums that lie side by side at the end of the operand: they go in lanes together."""
    chain: list[notation.Reduce] = []
    expression = access.value
    while isinstance(expression, notation.Reduce):
        chain.append(expression)
        expression = expression.body
    read = first_read(expression)
    if not chain or read is None:
        return ()
    shape = node.inputs[read.operand].array_type.shape
    last = [i for i, length in zip(read.at, shape, strict=True) if length != 1]
    found: list[str] = []
    for reduce in reversed(chain):
        if reduce.extent == 1:
            continue
        if not last or last[-1] != reduce.index:
            break
        found.insert(0, reduce.index.name)
        last.pop()
    names = [reduce.index.name for reduce in chain]
    while found and names[-len(found) :] != found:  # with an axis of length 1 between them they are not neighbours
        found.pop(0)
    return tuple(found)


def first_read(expression: notation.Expression) -> notation.Read | None:
    """The first operand that an expression reads."""
    match expression:
        case notation.Read():
            return expression
        case notation.Call(arguments=arguments):
            return next((read for read in map(first_read, arguments) if read), None)
        case notation.Cast(value=value):
            return first_read(value)
        case notation.Reduce(body=body):
            return first_read(body)
        case _:
            return None
