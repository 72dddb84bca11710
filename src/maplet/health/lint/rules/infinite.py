"""ML002: an infinite derivative within reach of the numbers that an operation is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.bilingual import Bilingual
from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.ranges import Ranges
from maplet.health.lint.recognition import as_probability, number_in, source
from maplet.health.lint.rules.where import hidden_nodes, kept_at_zero
from maplet.health.rules import in_chinese

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.core.graph import Node
    from maplet.health.lint.subject import Subject

logarithms = ("log", "log2", "log10")
roots = ("sqrt", "rsqrt")
ends_of_one = ("acos", "asin", "atanh", "erfinv")


@rule("ML002", "an infinite derivative is within reach", "可能遇到无穷大的导数")
@in_chinese(
    "根、对数或商可能得到一个使导数为无穷大的数。",
    "√x 与 ln x 的导数是 1/(2√x) 与 1/x，在 0 处为无穷大；a/x 的导数是 −a/x²。本规则找出取值范围恰好止于该处的操作数："
    "平方和、概率（会舍入为 0）、ReLU 的结果；以及在这批样本上正好落在该处的操作数。已被 `where` 挡在梯度之外的"
    "不算。",
    "把 `-mp.mean(mp.log(mp.softmax(z)))` 改为 `-mp.mean(mp.log_softmax(z))`；把 `mp.sqrt(mp.sum(x**2))` 改为 "
    "`mp.norm(x)` 或 `mp.sqrt(mp.sum(x**2) + 1e-12)`。",
)
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
    name, what = node.primitive.name, _origin_of(subject, operand)
    seen = Bilingual("", "")
    if count:
        seen = Bilingual(f"; on the batch {count} of its numbers lie there", f"；这批样本中有 {count} 个数落在那里")
    return Finding(
        Bilingual(
            f"{name} is taken of {what}, which can be {at:g}, where its derivative is infinite{seen}",
            f"{name} 作用于{what.zh}，它可能等于 {at:g}，此处导数为无穷大{seen.zh}",
        ),
        _fix(name, at, of_probability=as_probability(source(operand)) is not None),
        subject.origin(node),
        {"at": at, **({"numbers": count} if count else {})},
    )


def _origin_of(subject: Subject, operand: Node) -> Bilingual:
    """What an operand is, as it is said."""
    behind, made = as_probability(source(operand)), source(operand)
    if made in subject.named.values():
        return Bilingual("a parameter", "参数")
    if behind is not None:
        return Bilingual(f"a {behind.kind}", f" {behind.kind} 的结果")
    return Bilingual(f"the result of {made.primitive.name}", f" {made.primitive.name} 的结果")


def _fix(name: str, at: float, *, of_probability: bool) -> Bilingual:
    if name in logarithms and of_probability:
        return Bilingual(
            "take the logarithm itself: mp.log_softmax(z), mp.log_sigmoid(z), or a loss of logits",
            "直接求对数：mp.log_softmax(z)、mp.log_sigmoid(z)，或使用接受对数几率的损失",
        )
    if name in logarithms:
        return Bilingual(
            "keep it away from 0: mp.log(x + 1e-7), or mp.maximum(x, 1e-7)",
            "让它远离 0：mp.log(x + 1e-7)，或 mp.maximum(x, 1e-7)",
        )
    if name in roots:
        return Bilingual(
            "add a small number inside of the root: mp.sqrt(x + 1e-12); for a length mp.norm(x), which is safe",
            "在根号内加一个很小的数：mp.sqrt(x + 1e-12)；求长度可用 mp.norm(x)，它是安全的",
        )
    return Bilingual(
        f"keep it away from {at:g}: add a small number inside, or mp.maximum(x, 1e-6)",
        f"让它远离 {at:g}：加上一个很小的数，或用 mp.maximum(x, 1e-6)",
    )
