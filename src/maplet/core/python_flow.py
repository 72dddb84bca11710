"""What to write where Python's own ``if``, ``while`` and ``for`` meet an array that has no value yet.

Which of them it was is read off the user's line, where the source is at hand and the line can be read by itself; the
first line of a statement can, a line in the middle of one mostly not. Then the advice is general.
"""

from __future__ import annotations

import ast
import linecache
import re
from typing import TYPE_CHECKING, TypeVar

from maplet.core.context import user_line

if TYPE_CHECKING:
    from collections.abc import Iterator

N = TypeVar("N", bound=ast.AST)

libraries = {"mp", "np", "maplet", "numpy", "math"}


def source_line() -> str:
    """The user's line that runs now, without its indentation; empty where the source is not at hand."""
    return linecache.getline(*user_line()).strip()


def statement(line: str) -> ast.AST | None:
    """A line of Python read by itself; None where it is a part of something longer."""
    line = re.sub(r"^el(?=if\b)", "", line)
    for completed in (line, f"{line} pass"):  # the head of a loop or a branch lacks its body
        try:
            return ast.parse(completed).body[0]
        except (SyntaxError, ValueError, IndexError, RecursionError):
            continue
    return None


def _all(tree: ast.AST | None, kind: type[N]) -> Iterator[N]:
    """The parts of one kind, outer ones first."""
    return (part for part in ast.walk(tree) if isinstance(part, kind)) if tree is not None else iter(())


# ── a truth value ────────────────────────────────────────────────────────────────────────────────


def _operation(test: ast.expr) -> str:
    """A condition as an operation on arrays: & | ~ in the place of ``and``, ``or``, ``not`` and chained comparisons."""
    if isinstance(test, ast.BoolOp):
        sign = " & " if isinstance(test.op, ast.And) else " | "
        return sign.join(_part(value) for value in test.values)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return f"~{_part(test.operand)}"
    if isinstance(test, ast.Compare) and len(test.ops) > 1:
        operands = [test.left, *test.comparators]
        pairs = zip(operands, test.ops, operands[1:], strict=False)
        return " & ".join(f"({ast.unparse(ast.Compare(a, [sign], [b]))})" for a, sign, b in pairs)
    return ast.unparse(test)


def _part(test: ast.expr) -> str:
    text = _operation(test)
    return text if isinstance(test, ast.Name | ast.Call | ast.Attribute) else f"({text})"


def _variable(test: ast.expr) -> str:
    """The first variable that a condition speaks of; ``x`` where there is none."""
    called = {id(call.func) for call in _all(test, ast.Call)}
    found = [name for name in _all(test, ast.Name) if id(name) not in called and name.id not in libraries]
    return min(found, key=lambda name: name.col_offset).id if found else "x"


def advice_on_bool() -> str:
    """What to write instead of a Python condition on a traced array."""
    tree = statement(source_line())
    if isinstance(tree, ast.While):
        x, test = _variable(tree.test), _operation(tree.test)
        return (
            "a loop whose end depends on the data is an operation, mp.while_loop(condition, body, start):\n"
            f"    wrong:  while {ast.unparse(tree.test)}: {x} = step({x})\n"
            f"    right:  {x} = mp.while_loop(lambda {x}: {test}, lambda {x}: step({x}), {x})"
        )
    if isinstance(tree, ast.If):
        x = _variable(tree.test)
        choice = ast.IfExp(tree.test, _call("f", x), _call("g", x))
        return _advice_on_choice(choice, f"mp.cond({_operation(tree.test)}, f, g, {x})", "y = ")
    for choice in _all(tree, ast.IfExp):
        x, test = _variable(choice.test), _operation(choice.test)
        branches = f"lambda {x}: {ast.unparse(choice.body)}, lambda {x}: {ast.unparse(choice.orelse)}"
        return _advice_on_choice(choice, f"mp.cond({test}, {branches}, {x})")
    return _advice_on_words(tree)


def _advice_on_words(tree: ast.AST | None) -> str:
    """What to write where neither a loop nor a choice asked, but a word that asks in passing."""
    if isinstance(tree, ast.Assert):
        return "an assertion on values is for arrays that have some; mp.expect(x, …) asserts shapes"
    if {call.func.id for call in _all(tree, ast.Call) if isinstance(call.func, ast.Name)} & one_by_one:
        return "Python's own max, min, any, all compare one by one: mp.maximum(x, y), mp.max(x), mp.any(x)"
    if next(_all(tree, ast.BoolOp), None) or next(_all(tree, ast.Not), None):
        return "write & for and, | for or, ~ for not, with each comparison in parentheses: (x > 0) & (x < 1)"
    if any(len(comparison.ops) > 1 for comparison in _all(tree, ast.Compare)):
        return "a chain of comparisons is an `and` of Python's: write (0 < x) & (x < 1) instead of 0 < x < 1"
    return (
        "write the choice as an operation: mp.where(condition, a, b) instead of `a if condition else b`, mp.cond for a "
        "branch, mp.while_loop for a loop; a plain Python `if` may look at shapes, dtypes and settings"
    )


one_by_one = {"max", "min", "sorted", "any", "all"}


def _call(function: str, x: str) -> ast.Call:
    return ast.Call(ast.Name(function), [ast.Name(x)], [])


def _advice_on_choice(choice: ast.IfExp, one_branch: str, before: str = "") -> str:
    return (
        "the choice is an operation: mp.where computes both and chooses element by element, mp.cond computes one:\n"
        f"    wrong:  {before}{ast.unparse(choice)}\n"
        f"    right:  {before}mp.where({_operation(choice.test)}, {ast.unparse(choice.body)}, "
        f"{ast.unparse(choice.orelse)})\n"
        f"    right:  {before}{one_branch}"
    )


# ── a number ─────────────────────────────────────────────────────────────────────────────────────


def advice_on_index() -> str:
    """What to write instead of Python's use of a traced integer as a number: a position, a count."""
    tree = statement(source_line())
    for loop in (*_all(tree, ast.For), *_all(tree, ast.comprehension)):
        counted = loop.iter
        if isinstance(counted, ast.Call) and isinstance(counted.func, ast.Name) and counted.func.id == "range":
            return _advice_on_count(ast.unparse(loop.target), [ast.unparse(limit) for limit in counted.args])
    for part in _all(tree, ast.Subscript):
        entries = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
        for axis, entry in enumerate(entries):
            if isinstance(entry, ast.Slice) and not all(_is_literal(bound) for bound in (entry.lower, entry.upper)):
                return _advice_on_slice(part, entry, axis if len(entries) > 1 else None)
    if next(_all(tree, ast.Subscript), None):
        return (
            "a Python list takes a number: stack it and take the row, mp.take(mp.stack(rows), i, axis=0); of functions "
            "call the one with mp.switch(i, functions, x)"
        )
    return (
        "a shape, an axis or a count is a Python number, known before anything is computed: x.shape[0] is one; "
        "a loop is mp.fori_loop, a slice mp.take(x, i + mp.arange(3)), a choice mp.take or mp.switch"
    )


def _advice_on_count(name: str, limits: list[str]) -> str:
    low, high = ("0", limits[0]) if len(limits) == 1 else limits[:2]
    return (
        "a loop whose count depends on the data is an operation, mp.fori_loop(low, high, body, start):\n"
        f"    wrong:  for {name} in range({', '.join(limits)}): x = step({name}, x)\n"
        f"    right:  x = mp.fori_loop({low}, {high}, lambda {name}, x: step({name}, x), x)"
    )


def _is_literal(bound: ast.expr | None) -> bool:
    """Whether the bound of a slice is written as a number, or left out."""
    return (
        bound is None
        or isinstance(bound, ast.Constant)
        or (isinstance(bound, ast.UnaryOp) and _is_literal(bound.operand))
    )


def _advice_on_slice(part: ast.Subscript, entry: ast.Slice, axis: int | None) -> str:
    """A window has a start that is data, and a length that is a number."""
    x, along = ast.unparse(part.value), "" if axis is None else f", axis={axis}"
    start = "" if entry.lower is None else ast.unparse(entry.lower)
    end = "" if entry.upper is None else ast.unparse(entry.upper)
    length = _length(start, entry.upper)
    right: list[str] = []
    positions = f"{start} + mp.arange({length or 'length'})"
    if start and isinstance(part.ctx, ast.Store):
        right.append(f"{_with_positions(part, entry, positions)} = v")
    elif start:
        right.append(f"mp.take({x}, {positions}{along})" + (f", or {x}[{positions}]" if axis is None else ""))
    if not length:
        inside = f"(n >= {start}) & (n < {end})" if start and end else f"n >= {start}" if start else f"n < {end}"
        kept = f"v, {x}" if isinstance(part.ctx, ast.Store) else f"{x}, 0.0"
        right.append(f"mp.where({inside}, {kept}), with the positions n = mp.arange(…) of that axis")
    return "\n    ".join(
        [
            "only the start of a slice may be data; its length is a Python number, or all are kept and some made 0:",
            f"wrong:  {ast.unparse(part)}",
            *(f"right:  {line}" for line in right),
        ]
    )


def _with_positions(part: ast.Subscript, entry: ast.Slice, positions: str) -> str:
    """The same places with an array of positions where a slice stood."""
    entries = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
    key = ", ".join(positions if one is entry else ast.unparse(one) for one in entries)
    return f"{ast.unparse(part.value)}[{key}]"


def _length(start: str, end: ast.expr | None) -> str:
    """What is added to the start to give the end; empty where that cannot be seen."""
    if isinstance(end, ast.BinOp) and isinstance(end.op, ast.Add):
        for one, other in ((end.left, end.right), (end.right, end.left)):
            if ast.unparse(one) == start:
                return ast.unparse(other)
    return ""
