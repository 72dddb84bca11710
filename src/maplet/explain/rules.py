"""The chain rule at one node, as formulas: the local derivative, what is sent to an operand, what came in altogether.

Everything is read: a pullback is written from the nodes that the trail says the rule made, the local derivative from
the same rule for a cotangent of 1.
"""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING, Any

from maplet.bilingual import Bilingual
from maplet.core.graph import nested_graphs
from maplet.core.index_notation import Call, Expression, Read, Reduce
from maplet.core.kinds import access_at, only_moves
from maplet.core.trace import Trace, constant
from maplet.core.types import is_floating
from maplet.explain.formula import Formula, Name, Partial, Row, Sign, fenced, multiplied, row
from maplet.explain.symbols import expression, fit_in_line, number, number_of, one, size_of, symbol
from maplet.explain.words import repeated, rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from maplet.core.graph import Node
    from maplet.explain.node import ExplainedNode

# An operation with a program inside → its rule, a key of `words.rules`.
nested = {"scan": "loop", "while_loop": "loop", "switch": "branch", "call": "call", "custom_gradient": "custom"}


def derivative(of: ExplainedNode) -> Formula:
    """∂loss/∂node, by the names."""
    return Partial(Name(of.derivation.loss.name), Name(of.shown.name))


# ── the local derivative ─────────────────────────────────────────────────────────────────────────


def local_formula(step: ExplainedNode, operand: int) -> Formula | None:
    """∂value/∂operand of an elementwise operation, in symbols; None where there is none."""
    names = step.derivation.called
    return _local(step, operand, [symbol(node, names) for node in (*step.node.inputs, step.node)])


def local_with_numbers(step: ExplainedNode, operand: int) -> Formula | None:
    """The same with the numbers of operands and value."""
    nodes, names, values = [*step.node.inputs, step.node], step.derivation.called, step.derivation.values
    return _local(step, operand, [number_of(values[node], symbol(node, names)) for node in nodes])


def _local(step: ExplainedNode, operand: int, operands_and_value: list[Formula]) -> Formula | None:
    rule, node = step.node.primitive.gradient, step.node
    if not step.elementwise or rule is None or not is_floating(node.inputs[operand].array_type.dtype):
        return None
    needed = tuple([n == operand for n in range(len(node.inputs))])
    with Trace(with_values=False) as trace:
        operands = [trace.argument(inner.array_type, "") for inner in node.inputs]
        out = trace.argument(node.array_type, "")
        found = rule(constant(1.0, node.array_type.dtype), out, *operands, needed=needed, **node.params)[operand]
        if found is None:
            return None
        inputs = tuple([trace.node_of(argument) for argument in (*operands, out)])
    return expression(trace.node_of(found), dict(zip(inputs, operands_and_value, strict=True)))


# ── cotangents ───────────────────────────────────────────────────────────────────────────────────


def pullback_formula(step: ExplainedNode, operand: int, *, numbers: bool = False) -> Formula | None:
    """What is sent to an operand, of the cotangent and the values of the forward pass; None where it is too long."""
    if step.operation == "item" and step.sent[operand] is not None:
        return derivative(step)
    if step.step is None or (sent := step.step.contributions[operand]) is None:
        return None
    if step.operation in nested and nested[step.operation] != "custom":  # see `inside`: it is a program of its own
        return None
    several = len(step.step.cotangents) > 1
    cotangents: dict[Node, Formula] = {}
    for n, cotangent in enumerate(step.step.cotangents):
        if cotangent is not None:
            by = Name(f"{step.name}[{n}]" if several else step.shown.name)
            cotangents[cotangent] = Partial(Name(step.derivation.loss.name), by)
    symbols, values = step.derivation.symbols, step.derivation.values
    if numbers:
        cotangents = {node: number_of(values[node], by) for node, by in cotangents.items()}
        cotangents |= {node: number_of(values[node], symbols[node]) for node in (*step.node.inputs, step.node)}
    return expression(sent, ChainMap(cotangents, symbols))


def cotangent_formula(step: ExplainedNode) -> Formula | None:
    """∂loss/∂node as the sum of what its uses send; None where one of them is no short formula."""
    found = list(_sent_to(step))
    return _sum([term for term in found if term is not None]) if found and None not in found else None


def _sent_to(step: ExplainedNode) -> Iterator[Formula | None]:
    """What each use sends, and what comes from outside."""
    yield from (pullback_formula(user, n) for user, n in uses(step))
    yield from (arrival.formula for arrival in step.arrivals)


def uses(step: ExplainedNode) -> Iterator[tuple[ExplainedNode, int]]:
    """Who sends a gradient to it, and as which operand; instead of another shape of it, those who use that."""
    for user, n, _ in step.received():
        if user.shown is step.shown:
            yield from uses(user)
        else:
            yield user, n


def cotangent_with_numbers(step: ExplainedNode) -> Formula | None:
    """The same with the numbers in: of scalars cotangent times local derivative; None where arrays are too large."""
    terms = [_scalar_sent(user, n) for user, n, _ in step.received()]
    if size_of(step) != 1 or None in terms:
        if step.cotangent is None or not all(sent_has_numbers(user, step.cotangent) for user, _ in uses(step)):
            return None
        terms = [pullback_formula(user, n, numbers=True) for user, n in uses(step)]
    terms += [number_of(arrival.value, derivative(step)) for arrival in step.arrivals]
    found = [term for term in terms if term is not None]
    return _sum(found) if found and len(found) == len(terms) else None


def _scalar_sent(user: ExplainedNode, operand: int) -> Formula | None:
    """What is sent where all is scalar: a product of two numbers."""
    local = user.local(operand)
    if local is None or user.cotangent is None or local.size != 1:
        return None
    return row(fenced(number(user.cotangent), multiplied), "·", fenced(number(local), multiplied))


def sent_has_numbers(user: ExplainedNode, sent: Any) -> bool:
    """Whether what a use sends can be written with the numbers in."""
    values = [user.derivation.values[node] for node in (*user.node.inputs, user.node)]
    return user.cotangent is not None and fit_in_line([*values, user.cotangent, sent])


def _sum(terms: Iterable[Formula]) -> Formula:
    parts: list[Formula] = []
    for term in terms:
        if parts and isinstance(term, Row) and term.parts[0] == Sign("−") and len(term.parts) == 2:
            parts += term.parts
        else:
            parts += [*([Sign("+")] if parts else []), term]
    return parts[0] if len(parts) == 1 else Row(tuple(parts))


# ── which kind of rule it is ─────────────────────────────────────────────────────────────────────


def rule_of(step: ExplainedNode, operand: int | None = None) -> str:
    """The name of the rule that the node follows backwards, a key of `words.rules`; towards one operand, or all."""
    if step.operation == "input":
        return "input"
    if not any(sent is not None for sent in step.sent):
        return "stopped"
    if step.operation == "item":
        return "item"
    if step.elementwise:
        locals_ = [local_formula(step, n) for n in _sent(step, operand)]
        return "passed on" if all(local == one for local in locals_) else "chain"
    if nested_graphs(step.node):
        return nested[step.operation]
    access = access_at(step.node)
    return "host" if access is None else _rule_of(access.value)


def _sent(step: ExplainedNode, operand: int | None) -> list[int]:
    """The operands that get a gradient, or only the one that is asked for."""
    return [n for n, sent in enumerate(step.sent) if sent is not None and operand in (None, n)]


def _rule_of(value: Expression) -> str:
    """The rule of what is not elementwise, by the form of its index notation."""
    if not isinstance(value, Reduce):
        return "moved" if only_moves(value) else "own"
    body: Expression = value
    while isinstance(body, Reduce):
        body = body.body
    if value.combiner == "sum":
        multiplies = isinstance(body, Call) and body.function == "multiply"
        return "product" if multiplies else "summed" if isinstance(body, Read) else "own"
    return "chosen" if value.combiner in ("max", "min") else "own"


def is_repeated(step: ExplainedNode, operand: int | None = None) -> bool:
    """Whether the operation repeated an operand by broadcasting, so that what is sent to it is added up again."""
    shape = None if isinstance(step.node.type, tuple) else step.node.type.shape
    return step.elementwise and any(step.node.inputs[n].array_type.shape != shape for n in _sent(step, operand))


def said(step: ExplainedNode, operand: int | None = None) -> str:
    """The rule that the node follows backwards, in words; towards one operand, or all."""
    rule = Bilingual(*rules[rule_of(step, operand)])
    return (rule.then(repeated) if is_repeated(step, operand) else rule).speak(step.derivation.language)
