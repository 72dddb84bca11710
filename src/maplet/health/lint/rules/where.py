"""ML001: a `where` that hides an infinite derivative, and what the gradient keeps at 0 by itself."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maplet.bilingual import Bilingual
from maplet.core.graph import in_order
from maplet.health.lint.finding import Finding, rule
from maplet.health.lint.opening import carry
from maplet.health.lint.recognition import by_element, is_real, moves
from maplet.health.rules import in_chinese
from maplet.transforms.masks import Masks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from maplet.core.context import Origin
    from maplet.core.graph import Node
    from maplet.health.lint.subject import Subject


@rule("ML001", "where hides an infinite derivative", "where 掩盖了无穷大的导数")
@in_chinese(
    "`where` 使某个运算的值避开了导数为无穷大的点，但只避开了值。",
    "未选分支的导数是 0 · ∞ = NaN。如果该分支只属于这个 `where`，且是逐元素计算的，梯度会自行把它置为 0；本规则找出"
    "其余的情形。",
    "如果 `mp.where(x > 0, mp.sqrt(x), 0.0)[:, None]` 中的根还用在别处，就要让操作数也安全："
    "`mp.where(x > 0, mp.sqrt(mp.where(x > 0, x, 1.0)), 0.0)`。",
)
def where_hides_infinity(subject: Subject) -> Iterator[Finding]:
    """A `where` guards the value of an operation against numbers at which its derivative is infinite, and only that.

    The derivative of the branch not taken is 0 · ∞ = NaN. Where the branch belongs to the `where` alone and is made
    element by element, the gradient sets it to 0 by itself; the rule finds the others.

    Instead of ``mp.where(x > 0, mp.sqrt(x), 0.0)[:, None]`` with the root used elsewhere too, make the operand safe:
    ``mp.where(x > 0, mp.sqrt(mp.where(x > 0, x, 1.0)), 0.0)``.
    """
    return (finding for _, finding in hidden_nodes(subject))


def hidden_nodes(subject: Subject) -> Iterator[tuple[Node, Finding]]:
    """The operations whose infinite derivative a `where` hides, each with its finding."""
    active = subject.read.moved_by([node for node in subject.graph.inputs if is_real(node)])
    kept = kept_at_zero(subject, active)
    infinite = _by_number([node for node in subject.read.order if node in active and node not in kept])
    hidden: dict[Node, Finding] = {}
    for node in subject.read.order:
        if node.primitive.name == "where" and node in active and node in subject.towards_loss:
            for found in _unsafe(node.inputs[1:], _guard(node.inputs[0]), infinite, active):
                hidden.setdefault(found, _hidden(found, subject.origin(found), subject.origin(node)))
    yield from hidden.items()


def kept_at_zero(subject: Subject, active: set[Node]) -> Collection[Node]:
    """The nodes whose elements that do not count the gradient sets to 0 by itself."""
    masks = Masks(subject.read.order, [subject.loss, *subject.opened.returns.values()], active)
    for node in reversed(subject.read.order):
        if node in active:
            masks.pass_on(node)
    return masks.of


def _by_number(nodes: Sequence[Node]) -> Mapping[Node, Sequence[Node]]:
    """What may have an infinite derivative, by the numbers that a guard against it would look at."""
    found: dict[Node, list[Node]] = defaultdict(list)
    for node in nodes:
        if node.primitive.singular:
            for number in dict.fromkeys(number for child in _critical(node) for number in _made_of(child)):
                found[number].append(node)
    return found


def _critical(node: Node) -> tuple[Node, ...]:
    """The operands with respect to which a derivative may be infinite."""
    return node.inputs[1:] if node.primitive.name in ("divide", "remainder") else node.inputs


def _made_of(node: Node) -> Iterator[Node]:
    """What an operand is made of, element by element or as a whole: see `_stands_on`."""
    yield _source(node).node
    yield node
    while len(node.inputs) == 1 and not node.primitive.singular:
        (node,) = node.inputs
        yield node


def _unsafe(
    branches: Sequence[Node], guard: Guard, infinite: Mapping[Node, Sequence[Node]], active: set[Node]
) -> Iterator[Node]:
    """What has an infinite derivative at guarded numbers, in the branches."""
    numbers = dict.fromkeys([*guard.numbers, *(_source(number).node for number in guard.numbers)])
    candidates = dict.fromkeys(found for number in numbers for found in infinite.get(number, ()))
    inside = _as_far_as(guard, branches, active) if candidates else ()
    for found in candidates:
        if found in inside and any(_stands_on(child, guard) for child in _critical(found)):
            yield found


def _as_far_as(guard: Guard, branches: Sequence[Node], active: set[Node]) -> set[Node]:
    """What moves in the branches, back to the guarded numbers."""
    found: set[Node] = set()
    waiting = list(branches)
    while waiting:
        node = waiting.pop()
        if node in active and node not in found and node not in guard.numbers:
            found.add(node)
            waiting += node.inputs
    return found


@dataclass(frozen=True)
class Guard:
    """The real numbers that a condition looks at; and whether at all of them at once, as `any` and `all` do."""

    numbers: set[Node]
    at_once: bool


def _guard(condition: Node) -> Guard:
    numbers = _compared(condition)
    return Guard(numbers, any(node.primitive.name in ("any", "all") for node in in_order([condition], numbers)))


def _compared(condition: Node) -> set[Node]:
    """The real numbers that a condition looks at."""
    if is_real(condition):
        return {condition} if condition.inputs or condition.primitive.name == "input" else set()
    return {number for child in condition.inputs for number in _compared(child)}


def _stands_on(node: Node, guard: Guard) -> bool:
    """Whether an operand is made of a number that is guarded, and of no other; or of all of them, of all at once."""
    source = _source(node)
    if any(source.meets(_source(number)) for number in guard.numbers):
        return True
    while guard.at_once and len(node.inputs) == 1 and not node.primitive.singular and node not in guard.numbers:
        (node,) = node.inputs
    return node in guard.numbers


@dataclass(frozen=True)
class Source:
    """What an array is made of element by element: a node, and the selections from it, one after the other.

    What rearranges or repeats elements, converts them or is another function of one element is left out.
    """

    node: Node
    selections: tuple[str, ...]

    def meets(self, other: Source) -> bool:
        """Whether both may be made of the same element: as far as both select, they select the same."""
        steps = zip(self.selections, other.selections, strict=False)
        return self.node is other.node and all(mine == theirs for mine, theirs in steps)


def _source(node: Node) -> Source:
    selections: tuple[str, ...] = ()
    while sum(map(is_real, node.inputs)) == 1 and is_real(first := node.inputs[0]):
        if not (moves(node) or node.primitive is carry or by_element(node)) or node.primitive.singular:
            break
        others = node.inputs[1:]
        if others or node.array_type.size < first.array_type.size:
            selections = (f"{node.primitive.name} {node.params} {[id(other) for other in others]}", *selections)
        node = first
    return Source(node, selections)


def _hidden(found: Node, origin: Origin, guard: Origin) -> Finding:
    name = found.primitive.name
    return Finding(
        Bilingual(
            f"the where at {guard} leaves out values of {name} where its derivative is infinite or NaN; 0 times "
            "that is NaN, and it reaches the gradient",
            f"{guard} 处的 where 舍去了 {name} 的一些值，那里的导数是无穷大或 NaN；0 乘以它得 NaN，并会进入梯度",
        ),
        Bilingual(
            f"make the operand safe as well: {name}(mp.where(condition, x, 1.0)) inside of the outer where",
            f"让操作数也安全：在外层的 where 之内写 {name}(mp.where(condition, x, 1.0))",
        ),
        origin,
    )
