"""Between which bounds the numbers of a node can lie, whatever the inputs are: interval arithmetic on the graph.

Numbers are those of floating arithmetic, in which a softmax or a sigmoid can round to 0. A range is closed; what cannot
be 0, such as e^x before it is divided, has the least positive number as its bound.
"""

from __future__ import annotations

from functools import reduce
from itertools import product
from math import exp, inf, isnan, log, sqrt, tanh
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from maplet.core.graph import constant_primitive
from maplet.core.kinds import access_at, only_moves
from maplet.core.types import is_floating, is_integer
from maplet.health.lint.opening import carry, doors
from maplet.health.lint.recognition import as_probability, greatest_of, number_in, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.graph import Node
    from maplet.health.lint.opening import Opened

tiny = 1e-300


class Range(NamedTuple):
    """The least and the greatest number that may occur."""

    low: float
    high: float

    def joined(self, other: Range) -> Range:
        """The numbers of both."""
        return Range(min(self.low, other.low), max(self.high, other.high))


anything = Range(-inf, inf)


class Ranges:
    """The ranges of the nodes of a graph, found in the order of its nodes.

    What a loop hands on begins within the range of its start. Where a step leaves more than it was handed, that end is
    taken to be free, and all is gone through again.
    """

    def __init__(self, opened: Opened) -> None:
        self.found: dict[Node, Range] = {}
        self.handed_on: dict[Node, Range] = {}
        wider = True
        while wider:
            for node in opened.order:
                self.found[node] = self._range(node)
            changes = [self._widened(*pair) for pair in opened.returns.items()]
            wider = any(changes)

    def of(self, node: Node) -> Range:
        """Between which bounds a node lies."""
        return self.found.get(node, anything)

    def _widened(self, entry: Node, left: Node) -> bool:
        """Whether a step leaves numbers beyond those that were taken for what it is handed."""
        now, after = self.of(entry), self.of(left)
        low, high = now.low if after.low >= now.low else -inf, now.high if after.high <= now.high else inf
        self.handed_on[entry] = Range(low, high)
        return (low, high) != now

    def _range(self, node: Node) -> Range:
        name = node.primitive.name
        if isinstance(node.type, tuple):
            return anything
        own = [self.of(child) for child in node.inputs]
        if node.primitive in doors:
            handed_on = self.handed_on.get(node)
            return reduce(Range.joined, own) if node.primitive is not carry or handed_on is None else handed_on
        if node.primitive is constant_primitive:
            found = _span(np.asarray(node.params["value"]))
        elif as_probability(node) is not None:
            found = Range(0.0, 1.0)
        elif name in monotone:
            found = monotone[name](own[0])
        elif name in arithmetic:
            found = arithmetic[name](node, own)
        elif name == "where":
            found = self._where(node)
        elif name in ("sum", "max", "min"):
            found = self._reduced(node, own[0])
        elif not (is_floating(node.type.dtype) or is_integer(node.type.dtype)):
            found = Range(0.0, 1.0)
        else:
            found = own[0] if name == "astype" else self._moved(node, own)
        return found

    def _moved(self, node: Node, own: list[Range]) -> Range:
        """The numbers of the operands, where these are only put elsewhere."""
        access = access_at(node)
        if not own or access is None or not only_moves(access.value) or node.primitive.name == "pad":
            return anything
        pairs = zip(node.inputs, own, strict=True)
        real = [r for child, r in pairs if child.array_type.dtype == node.array_type.dtype]
        return Range(min((r.low for r in real), default=-inf), max((r.high for r in real), default=inf))

    def _reduced(self, node: Node, of: Range) -> Range:
        name, inner = node.primitive.name, node.inputs[0]
        if name != "sum":
            return of
        count = size(inner) / max(size(node), 1)
        low, high = of.low * count, of.high * count
        if inner.primitive.name == "exp" and inner.inputs[0].primitive.name == "subtract":
            z, top = inner.inputs[0].inputs
            if greatest_of(top, z):  # the greatest term of Σ e^(z − max z) is 1
                return Range(1.0, count)
        return Range(low if not isnan(low) else 0.0, high if not isnan(high) else 0.0)

    def _where(self, node: Node) -> Range:
        """The numbers of both branches, each as far as the condition lets it be taken."""
        condition, yes, no = node.inputs
        return self._kept(condition, yes, truth=True).joined(self._kept(condition, no, truth=False))

    def _kept(self, condition: Node, branch: Node, *, truth: bool) -> Range:
        low, high = self.of(branch)
        name = condition.primitive.name
        if len(condition.inputs) == 2 and condition.inputs[0] is branch:
            bound = number_in(condition.inputs[1])
            if bound is not None:
                below = name in ("less", "less_equal")
                if below or name in ("greater", "greater_equal"):
                    return Range(low, min(high, bound)) if below == truth else Range(max(low, bound), high)
                if name == ("not_equal" if truth else "equal") and bound == 0 == low:
                    return Range(tiny, high)
        return Range(low, high)


def _span(value: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Range:
    if not value.size:
        return anything
    numbers = value.astype(np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    return anything if isnan(low) else Range(low, high)


def _times(a: float, b: float) -> float:
    return 0.0 if 0.0 in (a, b) else a * b


def _exp(x: float) -> float:
    return max(exp(x), tiny) if x < 700 else inf


def _log(x: float) -> float:
    return -inf if x <= 0 else log(x) if x < inf else inf


def _root(x: float) -> float:
    return sqrt(max(x, 0.0))


def _by(function: Callable[[float], float]) -> Callable[[Range], Range]:
    return lambda r: Range(function(r.low), function(r.high))


def _even(r: Range, function: Callable[[float], float]) -> Range:
    ends = function(abs(r.low)), function(abs(r.high))
    return Range(0.0 if r.low <= 0 <= r.high else min(ends), max(ends))


monotone: dict[str, Callable[[Range], Range]] = {
    "exp": _by(_exp),
    "expm1": _by(lambda x: _exp(x) - 1),
    "sqrt": _by(_root),
    "log": _by(_log),
    "log1p": _by(lambda x: _log(1 + x)),
    "tanh": _by(tanh),
    "erf": lambda _: Range(-1.0, 1.0),
    "sin": lambda _: Range(-1.0, 1.0),
    "cos": lambda _: Range(-1.0, 1.0),
    "sign": lambda _: Range(-1.0, 1.0),
    "negative": lambda r: Range(-r.high, -r.low),
    "abs": lambda r: _even(r, abs),
    "square": lambda r: _even(r, lambda x: _times(x, x)),
    "rsqrt": lambda r: Range(0.0 if r.high == inf else 1 / _root(r.high) if r.high > 0 else 0.0, inf),
    "stop_gradient": lambda r: r,
}
"""The range of a function of one number."""


def _add(_: Node, own: list[Range]) -> Range:
    return Range(own[0].low + own[1].low, own[0].high + own[1].high)


def _subtract(_: Node, own: list[Range]) -> Range:
    return Range(own[0].low - own[1].high, own[0].high - own[1].low)


def _multiply(node: Node, own: list[Range]) -> Range:
    if node.inputs[0] is node.inputs[1]:
        return _even(own[0], lambda x: _times(x, x))
    ends = [_times(a, b) for a, b in product(*own)]
    return Range(min(ends), max(ends))


def _divide(_: Node, own: list[Range]) -> Range:
    top, bottom = own
    if bottom.low > 0 or bottom.high < 0:
        ends = [a / b if abs(b) < inf else 0.0 if abs(a) < inf else a * b for a, b in product(top, bottom)]
        return anything if any(map(isnan, ends)) else Range(min(ends), max(ends))
    return Range(0.0, inf) if top.low >= 0 and bottom.low >= 0 else anything


def _power(node: Node, own: list[Range]) -> Range:
    exponent = number_in(node.inputs[1])
    return Range(0.0, inf) if own[0].low >= 0 or (exponent is not None and exponent % 2 == 0) else anything


arithmetic: dict[str, Callable[[Node, list[Range]], Range]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "power": _power,
    "maximum": lambda _, own: Range(max(own[0].low, own[1].low), max(own[0].high, own[1].high)),
    "minimum": lambda _, own: Range(min(own[0].low, own[1].low), min(own[0].high, own[1].high)),
    "logaddexp": lambda _, own: Range(max(own[0].low, own[1].low) or tiny, inf),
}
"""The range of a function of two numbers."""
