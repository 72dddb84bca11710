"""A graph as terms: what the nodes compute, simplified the way a person would write it."""

# The rules below are of one signature, of which each uses what it needs.
# ruff: noqa: ARG001, ARG005

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.graph import constant_primitive
from maplet.core.types import is_floating
from maplet.explain.algebra import Algebra
from maplet.explain.convolutions import convolution
from maplet.explain.linear_terms import is_column, matmul, reshaped, scaled, summed, transpose
from maplet.explain.picks import pick, picked, scattered
from maplet.explain.recognition import is_finite, is_positive, logistic
from maplet.explain.symbols import is_program
from maplet.explain.terms import Term, factors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from maplet.core.graph import Node
    from maplet.explain.convolutions import Adjoint
    from maplet.explain.terms import Shape

    Rule = Callable[["Translation", Node, list[Term], Shape], Term]

opposite = {
    "less": "greater_equal", "less_equal": "greater", "greater": "less_equal", "greater_equal": "less",
    "equal": "not_equal", "not_equal": "equal",
}  # fmt: skip

most_factors = 8  # of a power that is written as a product

with_poles = {"log", "log1p", "log2", "log10", "power", "rsqrt", "reciprocal", "divide", "tan", "atanh", "digamma"}

# 0 where x is beyond 0, else x.
bounds = {"less": "maximum", "less_equal": "maximum", "greater": "minimum", "greater_equal": "minimum"}


class Translation:
    """Translates nodes, each once.

    Parameters
    ----------
    symbols
        Nodes that keep their names; behind them the translation does not look.
    shared
        Nodes that are used more than once.
    adjoints
        Nodes that are what a convolution sends back.
    """

    def __init__(
        self, symbols: dict[Node, str], shared: Collection[Node] = (), adjoints: Mapping[Node, Adjoint] | None = None
    ) -> None:
        self.algebra = Algebra()
        self.symbols, self.shared, self.adjoints = symbols, shared, adjoints or {}
        self.terms: dict[Node, Term] = {}
        self.programs: dict[str, list[Mapping[str, Any]]] = {}  # the loops and branches met, by operation

    def term(self, node: Node) -> Term:
        """What a node computes; a symbol where it has a name."""
        waiting = [node]
        while waiting:  # without recursion, as graphs may be deep
            one = waiting[-1]
            missing = [] if one in self.symbols else [child for child in self.read_by(one) if child not in self.terms]
            if missing:
                waiting += missing
                continue
            if one not in self.terms:
                if one in self.symbols:
                    self.terms[one] = self.algebra.symbol(self.symbols[one], _shape(one))
                else:
                    self.terms[one] = self.algebra.bounded(self.definition(one), is_shared=one in self.shared)
            waiting.pop()
        return self.terms[node]

    def read_by(self, node: Node) -> Sequence[Node]:
        """What a node is made of: its operands, or what the gradient is made of that it is."""
        return self.adjoints[node].reads if node in self.adjoints else node.inputs

    def definition(self, node: Node) -> Term:
        """What a node computes of its operands, also where it has a name itself."""
        operands = [self.term(child) for child in self.read_by(node)]
        if node in self.adjoints:
            return self.adjoints[node].term(self.algebra, operands)
        rule = rules.get(node.primitive.name, _as_it_is)
        return rule(self, node, operands, _shape(node))


def _shape(node: Node) -> Shape:
    return () if isinstance(node.type, tuple) else node.type.shape


def _as_it_is(self: Translation, node: Node, operands: Sequence[Term], shape: Shape) -> Term:
    params: dict[str, Any] = dict(node.params)
    if any(map(is_program, params.values())):  # two loops are two functions, and each has its name
        known = self.programs.setdefault(node.primitive.name, [])
        same = [n for n, other in enumerate(known, start=1) if all(other[k] is v for k, v in params.items())]
        if not same:
            known.append(params)
        params["name"] = params.get("name") or f"{node.primitive.name}{same[0] if same else len(known)}"
    return self.algebra.make(node.primitive.name, operands, tuple(sorted(params.items(), key=str)), shape)


def _constant(self: Translation, node: Node, operands: Sequence[Term], shape: Shape) -> Term:
    value: Any = np.asarray(node.params["value"])
    if value.size and (value == value.flat[0]).all():
        return self.algebra.number(float(value.flat[0]), shape)
    if value.ndim == 1 and value.dtype.kind == "i" and (value == np.arange(len(value)) * value[1]).all():
        places = self.algebra.make("iota", (), (("axis", 0), ("shape", shape)), shape)
        return self.algebra.product([places], (), shape, float(value[1]))
    return _as_it_is(self, node, operands, shape)


def _sum_of(sign: float) -> Rule:
    def rule(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
        a, b = operands
        return self.algebra.total([a, self.algebra.product([b], (), b.shape, sign)], shape)

    return rule


def _where(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    condition, yes, no = operands
    if _never_holds(self, condition):
        return no
    zeros = [one.head == "number" and one.settings[0] == 0 for one in (yes, no)]
    if condition.head == "isfinite" and condition.parts[0] is yes and zeros[1] and is_finite(self.algebra, yes):
        return yes  # the shift of a softmax, which is infinite only where everything is
    if zeros[0] and condition.head == "equal" and no is _difference(self, condition.parts[0], condition.parts[1]):
        return no  # where a = b, the difference is 0 by itself
    if zeros[0] and condition.head in bounds and condition.parts[0] is no and _is_zero(condition.parts[1]):
        return self.algebra.make(bounds[condition.head], (no, self.algebra.number(0.0)), (), shape)
    value = no if zeros[0] else yes
    flipped = zeros[0] and condition.head in opposite
    infinite = condition.head == "isfinite" or _may_be_infinite(value)
    if (flipped or zeros[1]) and not infinite:  # a pole times 0 would be no number
        if flipped:
            condition = self.algebra.make(opposite[condition.head], condition.parts, (), condition.shape)
        indicator = self.algebra.make("indicator", (condition,), (), condition.shape)
        return self.algebra.product([_where_it_holds(self, condition, value), indicator], (), shape)
    return _as_it_is(self, node, operands, shape)


def _never_holds(self: Translation, condition: Term) -> bool:
    """Whether a number of a place would have to be negative, or a sum of exponentials 0."""
    if condition.head not in ("less", "equal") or not _is_zero(condition.parts[1]):
        return False
    asked = condition.parts[0]
    return asked.head == "iota" if condition.head == "less" else is_positive(self.algebra, asked)


def _where_it_holds(self: Translation, condition: Term, value: Term) -> Term:
    """What a sum or product is where a condition holds: a choice in it by the same, or the opposite, is made."""
    if value.head == "where" and value.parts[0] is condition:
        return value.parts[1]
    if value.head == "where" and value.parts[0].head == opposite.get(condition.head):
        return value.parts[2] if value.parts[0].parts == condition.parts else value
    if value.head not in ("total", "product"):
        return value
    parts = [_where_it_holds(self, condition, part) for part in value.parts]
    if value.head == "total":
        return self.algebra.total(parts, value.shape)
    coefficient, above = value.settings
    return self.algebra.product(parts[:above], parts[above:], value.shape, coefficient)


def _may_be_infinite(term: Term) -> bool:
    """Whether something in a term has a pole: a quotient, a logarithm, a power."""
    waiting, seen = [term], set[Term]()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        below = factors(one)[2]
        if below or one.head in with_poles:
            return True
        waiting += one.parts
    return False


def _difference(self: Translation, a: Term, b: Term) -> Term:
    return self.algebra.total([a, self.algebra.product([b], (), b.shape, -1.0)])


def _power(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    """x³ as the product x·x·x, so that x³/x is x²."""
    base, exponent = operands
    times = exponent.settings[0] if exponent.head == "number" else 0.0
    if not (times.is_integer() and 0 < abs(times) <= most_factors) or base.shape != shape:
        return _as_it_is(self, node, operands, shape)
    several = [base] * int(abs(times))
    return self.algebra.product(*((several, ()) if times > 0 else ((), several)), shape)


def _exp(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    """e^u; where u = z − ln(1 + e^z) it is σ(z)."""
    (u,) = operands
    totals = [one for one in (u, *u.parts) if one.head == "total"]
    for one in [inner for total in totals for part in total.parts for inner in factors(part)[1]]:
        if one.head == "logaddexp" and _is_zero(one.parts[1]) and u is _difference(self, one.parts[0], one):
            return logistic(self.algebra, one.parts[0])
    return _as_it_is(self, node, operands, shape)


def _logaddexp(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    """ln(e^a + e^b); a 0 stands last, as in ln(1 + e^z)."""
    a, b = operands
    return _as_it_is(self, node, [b, a] if _is_zero(a) else operands, shape)


def _sigmoid(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    """σ(z); of −z it is 1 − σ(z)."""
    return logistic(self.algebra, operands[0])


def _astype(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    (a,) = operands
    before, after = node.inputs[0].array_type.dtype, node.array_type.dtype
    if not is_floating(after):
        return _as_it_is(self, node, operands, shape)
    if before.kind != "b":
        return a
    if a.head == "greater" and a.parts[1].head == "number" and a.parts[1].settings[0] == -np.inf:
        return self.algebra.number(1.0, shape)  # a real number
    if a.head == "equal" and len(shape) == 2 and a.parts[1].head == "iota" and is_column(a.parts[0]):
        return self.algebra.make("one_hot", a.parts[0].parts, (shape[1],), shape)
    return self.algebra.make("indicator", (a,), (), shape)


def _is_zero(term: Term) -> bool:
    return term.head == "number" and term.settings[0] == 0


def _reshape(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    (a,) = operands
    found = scattered(self.algebra, a, shape)
    return reshaped(self.algebra, a, shape) if found is None else found


def _permute(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    (a,) = operands
    axes: tuple[int, ...] = tuple(node.params["axes"])
    if len(shape) == 2:
        return transpose(self.algebra, a)
    if a.head == "permute_dims":  # one after another they are one
        before: tuple[int, ...] = dict(a.settings)["axes"]
        a, axes = a.parts[0], tuple([before[axis] for axis in axes])
    if axes == tuple(range(len(axes))):
        return a
    return self.algebra.make("permute_dims", (a,), (("axes", axes),), shape)


def _sum(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    return summed(self.algebra, operands[0], tuple(node.params["axes"]), shape, keeps=bool(node.params["keepdims"]))


def _item(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    """One of several results; a loop without a step hands on what it is given, and its rows are empty."""
    loop = node.inputs[0]
    number: int = node.params["index"]
    if loop.primitive.name == "scan" and loop.params["length"] == 0:
        constants: int = loop.params["constants"]
        carries: int = loop.params["carries"]
        return self.term(loop.inputs[constants + number]) if number < carries else self.algebra.number(0.0, shape)
    return _as_it_is(self, node, operands, shape)


def _take(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    found = picked(self.algebra, *operands) if len(operands[0].shape) == 1 and not node.params.get("batch") else None
    return _as_it_is(self, node, operands, shape) if found is None else found


def _linear(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    """What moves elements, or stands zeros beside them, with scalar factors before it."""
    c, up, down, a = scaled(self.algebra, operands[0])
    if not (up or down or c != 1) or a.head == "number":
        return _as_it_is(self, node, operands, shape)
    return self.algebra.product([*up, _as_it_is(self, node, [a, *operands[1:]], shape)], down, shape, c)


def _pad(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    """What stands zeros beside an array; a single number among zeros is a factor before a one-hot vector."""
    c, up, down, a = scaled(self.algebra, operands[0])
    low, high = node.params["low"], node.params["high"]
    if a.head != "number" or a.shape != (1,) or min(*low, *high) < 0:
        return _linear(self, node, operands, shape)
    one_hot = self.algebra.make("one_hot", (self.algebra.number(low[0]),), shape, shape)
    return self.algebra.product([*up, one_hot], down, shape, c * a.settings[0])


def _take_along_axis(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    """The element of one class of each row, as a column."""
    a, places = operands
    if len(shape) != 2 or node.params["axis"] != 1 or shape[1] != 1:
        return _as_it_is(self, node, operands, shape)
    return reshaped(self.algebra, pick(self.algebra, a, reshaped(self.algebra, places, shape[:1])), shape)


def _add_along_axis(self: Translation, node: Node, operands: list[Term], shape: Shape) -> Term:
    """What is added at one class of each row: a column times a one-hot matrix."""
    value, places = operands
    axis, length = node.params["axis"], node.params["length"]
    if len(shape) != 2 or axis != 1 or places.shape[1] != 1:
        return _as_it_is(self, node, operands, shape)
    classes = reshaped(self.algebra, places, shape[:1])
    one_hot = self.algebra.make("one_hot", (classes,), (length,), shape)
    return self.algebra.product([value, one_hot], (), shape)


rules: dict[str, Rule] = {
    constant_primitive.name: _constant,
    "exp": _exp,
    "power": _power,
    "square": lambda self, node, xs, shape: self.algebra.product([*xs, *xs], (), shape),
    "sigmoid": _sigmoid,
    "astype": _astype,
    "add": _sum_of(1.0),
    "subtract": _sum_of(-1.0),
    "multiply": lambda self, node, xs, shape: self.algebra.product(xs, (), shape),
    "divide": lambda self, node, xs, shape: self.algebra.product(xs[:1], xs[1:], shape),
    "negative": lambda self, node, xs, shape: self.algebra.product(xs, (), shape, -1.0),
    "reciprocal": lambda self, node, xs, shape: self.algebra.product((), xs, shape),
    "rsqrt": lambda self, node, xs, shape: self.algebra.product((), [self.algebra.make("sqrt", xs, (), shape)], shape),
    "broadcast_to": lambda self, node, xs, shape: self.algebra.product(xs, (), shape),
    "stop_gradient": lambda self, node, xs, shape: xs[0],
    "matmul": lambda self, node, xs, shape: matmul(self.algebra, xs[0], xs[1], shape),
    "reshape": _reshape,
    "permute_dims": _permute,
    "sum": _sum,
    "where": _where,
    "logaddexp": _logaddexp,
    "item": _item,
    "conv": lambda self, node, xs, shape: convolution(self.algebra, node, xs, shape),
    "add_at": _linear,
    "pad": _pad,
    "slice": _linear,
    "take": _take,
    "take_along_axis": _take_along_axis,
    "add_along_axis": _add_along_axis,
}
