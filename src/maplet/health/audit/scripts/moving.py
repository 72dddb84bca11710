"""What a script updates: what becomes itself plus or minus something, so that a number in it is a parameter.

``b -= rate * db`` and ``b = b - rate * db`` say so; so do ``new = b - rate * db`` with ``b = new`` behind it, and
``b = step(b, …)`` with a function of the script's that takes something away.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

is_rate = re.compile(
    r"(^|_)(lr|lrate|alpha|eta|learning_?rate|step_?size|rate|学习率|步长)(\d|_(?!decay)\w+)?$", re.IGNORECASE
)
of_sizes = re.compile(  # what takes whole numbers for a size
    r"^(range|islice|zeros|ones|empty|full|eye|arange|linspace|reshape|(array_)?split|repeat|tile"
    r"|randn?|randint|integers|choice|permutation)$"
)
Pair = tuple[ast.expr, ast.expr]


def moving(tree: ast.AST, functions: Mapping[str, ast.FunctionDef]) -> Mapping[str, bool]:
    """What is updated; true where a whole number may be: what is made less, and neither counts nor chooses entries."""
    found: dict[str, bool] = {}
    pairs = [pair for node in ast.walk(tree) for pair in _pairs(node)]
    passed_on = {(ast.unparse(value), ast.unparse(target)) for target, value in pairs if isinstance(value, ast.Name)}
    choosing = _choosing(tree)
    for target, value in pairs:
        for name, less in _moved(target, value, passed_on, functions):
            found[name] = found.get(name, False) or (less and name not in choosing)
    return found


def parts(value: ast.AST) -> set[str]:
    """The variables, attributes and entries in an expression."""
    kinds = ast.Name | ast.Attribute | ast.Subscript
    return {ast.unparse(node) for node in ast.walk(value) if isinstance(node, kinds)}


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case _:
                pass


def _pairs(node: ast.AST) -> Iterator[Pair]:
    """What a statement puts where."""
    match node:
        case ast.AugAssign(op=ast.Sub() | ast.Add() as op, target=target, value=value):
            yield target, ast.BinOp(target, op, value)  # type: ignore[arg-type]  (read in the same words)
        case ast.Assign(targets=[ast.Tuple(elts=targets) | ast.List(elts=targets)], value=ast.Tuple(elts=values)):
            yield from zip(targets, values, strict=False)
        case ast.Assign(targets=[ast.Tuple(elts=targets) | ast.List(elts=targets)], value=value):
            yield from ((target, value) for target in targets)
        case ast.Assign(targets=[target], value=ast.Tuple(elts=values) | ast.List(elts=values)):
            yield from ((target, value) for value in values)
        case ast.Assign(targets=[target], value=value):
            yield target, value
        case _:
            pass


def _moved(
    target: ast.expr, value: ast.expr, passed_on: set[tuple[str, str]], functions: Mapping[str, ast.FunctionDef]
) -> Iterator[tuple[str, bool]]:
    """The variable that one statement moves, and whether it takes something away."""
    own = ast.unparse(target)
    match value:
        case ast.ListComp(elt=ast.BinOp() as one) | ast.DictComp(value=ast.BinOp() as one) if own in parts(value):
            yield own, isinstance(one.op, ast.Sub)
        case ast.BinOp(op=ast.Sub() | ast.Add() as op, left=left, right=right):
            for name in parts(value):
                counts = all(isinstance(side, ast.Constant) or ast.unparse(side) == name for side in (left, right))
                if not counts and (name == own or (own, name) in passed_on):
                    yield from ((each, isinstance(op, ast.Sub)) for each in (name, *_holders(target)))
        case ast.Call(func=function, args=args) if own in map(ast.unparse, args):
            called = functions.get(function.attr if isinstance(function, ast.Attribute) else ast.unparse(function))
            if called is not None and any(isinstance(node, ast.Sub) for node in ast.walk(called)):
                yield own, any(map(is_rate.search, (*_names(called), *_names(value))))
        case _:
            pass


def _holders(target: ast.expr) -> Iterator[str]:
    """What something is put into: itself, or what it is an entry of."""
    while isinstance(target, ast.Subscript):
        target = target.value
        yield ast.unparse(target)
    yield ast.unparse(target)


def _choosing(tree: ast.AST) -> set[str]:
    """What chooses entries or counts turns, and is a whole number."""
    found = set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(slice=key):
                found |= parts(key)
            case ast.Call(func=ast.Name(name) | ast.Attribute(attr=name)) if of_sizes.search(name):
                found |= parts(node)
            case _:
                pass
    return found
