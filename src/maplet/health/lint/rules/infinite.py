"""ML002: an infinite derivative within reach of the numbers that an operation is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.ranges import Ranges
from maplet.health.lint.recognition import as_probability, number_in, source
from maplet.health.lint.rules.where import hidden_nodes, kept_at_zero

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.core.graph import Node
    from maplet.health.lint.subject import Subject

logarithms = ("log", "log2", "log10")
roots = ("sqrt", "rsqrt")
ends_of_one = ("acos", "asin", "atanh", "erfinv")


@rule("ML002", "an infinite derivative is within reach")
def infinite_derivative(subject: Subject) -> Iterator[Finding]:
    """A root, logarithm or quotient can be given a number at which its derivative is infinite.

    √x and ln x have the derivatives 1/(2√x) and 1/x, which are infinite at 0; a/x has −a/x². The rule finds operands
    whose range ends exactly there: a sum of squares, a probability (which rounds to 0), a ReLU; and operands of the
    batch that lie there. What `where` keeps out of the gradient is no finding.

    Instead of ``-mp.mean(mp.log(mp.softmax(z)))`` write ``-mp.mean(mp.log_softmax(z))``; instead of
    ``mp.sqrt(mp.sum(x**2))`` write ``mp.norm(x)`` or ``mp.sqrt(mp.sum(x**2) + 1e-12)``.
    """
    active = subject.read.moved_by(subject.parameters.values())
    spoken_for = {*kept_at_zero(subject, active), *(node for node, _ in hidden_nodes(subject))}
    ranges = Ranges(subject.opened)
    for node in subject.read.order:
        if node not in spoken_for and node in subject.reached and (number := _critical(node, active)) is not None:
            operand, at = number
            # A sum of squares of parameters alone is 0 only if they are.
            if operand in subject.read.with_data and _reaches(ranges, operand, at):
                yield _found(subject, node, operand, at, 0)
            else:
                count = _on_the_batch(subject, node, operand)
                if count:
                    yield _found(subject, node, operand, at, count)


def _critical(node: Node, active: set[Node]) -> tuple[Node, float] | None:
    """The operand of a node, and the number at which the derivative with respect to it is infinite."""
    name = node.primitive.name
    operand = node.inputs[-1] if name == "divide" else node.inputs[0] if node.inputs else None
    if operand is None or operand not in active:
        return None
    if name in logarithms or name in roots or name == "reciprocal":
        return operand, 0.0
    if name == "divide" and as_probability(node) is None and as_probability(source(operand)) is None:
        return operand, 0.0
    if name == "power":
        exponent = number_in(node.inputs[1])
        return (operand, 0.0) if exponent is not None and exponent < 1 and exponent != 0 else None
    return (operand, 1.0) if name in ends_of_one else None


def _reaches(ranges: Ranges, operand: Node, at: float) -> bool:
    """Whether the number is an end of the operand's range: from within, one comes upon it; a free number passes by."""
    low, high = ranges.of(operand)
    return at in (low, high) if at == 0 else max(abs(low), abs(high)) == at


def _on_the_batch(subject: Subject, node: Node, operand: Node) -> int:
    """How many numbers of the batch lie where the derivative is infinite or there is none."""
    value = subject.values.get(operand)
    if value is None:
        return 0
    name = node.primitive.name
    wrong = abs(value) >= 1 if name in ends_of_one else value == 0 if name in ("divide", "reciprocal") else value <= 0
    return int(wrong.sum())


def _found(subject: Subject, node: Node, operand: Node, at: float, count: int) -> Finding:
    name = node.primitive.name
    behind = as_probability(source(operand))
    what = f"a {behind.kind}" if behind is not None else f"the result of {source(operand).primitive.name}"
    if source(operand) in subject.named.values():
        what = "a parameter"
    fix = f"keep it away from {at:g}: add a small number inside, or mp.maximum(x, 1e-6)"
    if name in logarithms:
        fix = "take the logarithm itself: mp.log_softmax(z), mp.log_sigmoid(z), or a loss of logits"
        if behind is None:
            fix = "keep it away from 0: mp.log(x + 1e-7), or mp.maximum(x, 1e-7)"
    if name in roots:
        fix = "add a small number inside of the root: mp.sqrt(x + 1e-12); for a length mp.norm(x), which is safe"
    seen = f"; on the batch {count} of its numbers lie there" if count else ""
    return Finding(
        f"{name} is taken of {what}, which can be {at:g}, where its derivative is infinite{seen}",
        fix,
        subject.origin(node),
        {"at": at, **({"numbers": count} if count else {})},
    )
