"""An expression that somebody typed, ``mse(sigmoid(x @ w + b), y)``, as a function of arrays.

Python's own parser reads it into a syntax tree, and nothing is ever evaluated by Python: each kind of node that is
known here becomes maplet operations, and every other is refused with the place where it stands.
"""

from __future__ import annotations

import ast
import operator
from math import prod
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings

import numpy as np

from maplet.core.graph import as_made
from maplet.core.primitive import operations
from maplet.core.recording import record
from maplet.errors import MapletError, SettingError
from maplet.messages import suggest
from maplet.nn.losses import losses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

most_elements = 2**24  # of an array in an expression
most_letters = 10_000  # of an expression; a longer one is no expression that somebody typed
binary: Mapping[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.MatMult: "matmul", ast.Pow: "pow",
    ast.Mod: "mod", ast.FloorDiv: "floordiv", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq",
    ast.NotEq: "ne",
}  # fmt: skip
spoken: Mapping[type[ast.AST], str] = {
    ast.BoolOp: "and, or", ast.UnaryOp: "not, ~", ast.Constant: "a word, or a truth value,", ast.Lambda: "lambda",
    ast.IfExp: "if … else", ast.ListComp: "a comprehension", ast.GeneratorExp: "a comprehension", ast.Dict: "a dict",
    ast.List: "a list (an array is given by --set)", ast.Tuple: "a tuple", ast.Set: "a set",
    ast.NamedExpr: "an assignment", ast.JoinedStr: "a text", ast.Starred: "a star",
    ast.Compare: "a chain of comparisons", ast.Attribute: "an attribute",
}  # fmt: skip
"""What is no part of the language, in words."""
rooms = {"mp", "nn", "np"}  # may stand before the name of an operation
what_is_there = "numbers, names, + − * / // % ** @, comparisons, x.T, x[0], and operations such as sigmoid(x)"


def expression_of(text: str) -> tuple[list[str], Callable[..., Any]]:
    """Read an expression.

    Parameters
    ----------
    text
        In Python's notation, of the names of arrays, numbers, and the names of maplet's operations and losses.

    Returns
    -------
    The names of the arrays in the order in which they come up, and a function of these.

    Raises
    ------
    SettingError
        If something in it is no part of this language; the message points at it.

    Examples
    --------
    >>> names, f = expression_of("sum(x * w) ** 2")
    >>> import maplet as mp
    >>> names, f(mp.asarray([1.0, 2.0]), mp.asarray([3.0, 4.0]))
    (['x', 'w'], Array(121.))
    """
    if len(text) > most_letters:
        raise SettingError(
            f"an expression of {len(text):,} letters is too long", fix="write it as a function in a file"
        )
    try:
        with catch_warnings(action="ignore", category=SyntaxWarning):
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        at = getattr(error, "offset", None) or 1
        raise refused(text, at - 1, f"this is no expression: {getattr(error, 'msg', error)}") from error
    text = text.strip()
    try:
        names = list(_names(tree, text))
        _check(tree, text)
    except RecursionError as error:
        raise _too_deep() from error

    def function(*arrays: Any) -> Any:
        try:
            return _Reader(text, dict(zip(names, arrays, strict=True))).value(tree)
        except RecursionError as error:
            raise _too_deep() from error

    function.__name__ = text if len(text) < 60 else "the expression"
    return names, function


def require_small(function: Callable[..., Any], arrays: Sequence[Any]) -> None:
    """Refuse an expression that makes an array too large to be explained, before anything is computed.

    Raises
    ------
    SettingError
        If one of its arrays has more than `most_elements` numbers.
    """
    try:
        graph = record(function, arrays, with_values=False).graph
    except MapletError:
        return  # it is told when the expression is computed
    for node in as_made(graph):
        for made in node.type if isinstance(node.type, tuple) else (node.type,):
            if prod(made.shape) > most_elements:
                raise SettingError(
                    f"{node.primitive.name} makes an array of shape {made.shape}, {prod(made.shape):,} numbers; every "
                    f"number of an expression is explained, and an array may have {most_elements:,}",
                    fix="choose smaller shapes; a gradient looks the same for a few rows",
                )


def _too_deep() -> SettingError:
    return SettingError("the expression is nested too deeply", fix="write it as a function in a file")


def refused(text: str, at: int, message: str, fix: str = f"the language has {what_is_there}") -> SettingError:
    """The error for a place in an expression, which it points at."""
    return SettingError(f"{message}\n    {text}\n    {' ' * max(at, 0)}^", fix=fix)


def _names(tree: ast.AST, text: str) -> dict[str, None]:
    """The names of arrays, in order."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inside = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and id(node) in called}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called | inside]
    for node in found:
        if node.id in operations or node.id in losses:
            raise refused(text, node.col_offset, f"{node.id} is an operation, and needs its operands: {node.id}(…)")
    return dict.fromkeys(node.id for node in sorted(found, key=lambda node: node.col_offset))


def _check(tree: ast.AST, text: str) -> None:
    """Refuse what is no part of the language before anything is computed."""
    if isinstance(tree, ast.BinOp):
        if type(tree.op) not in binary:
            raise refused(text, tree.col_offset, "an operator on the bits of integers is no part of the language")
        parts: list[ast.AST] = [tree.left, tree.right]
    elif isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub | ast.UAdd):
        parts = [tree.operand]
    elif isinstance(tree, ast.Compare) and len(tree.ops) == 1 and type(tree.ops[0]) in binary:
        parts = [tree.left, tree.comparators[0]]
    elif isinstance(tree, ast.Call):
        _callee(tree, text)
        parts = list(tree.args)
        seen: set[str | None] = set()
        for keyword in tree.keywords:
            if keyword.arg in seen:
                raise refused(text, keyword.col_offset, f"{keyword.arg} is set twice", "leave one of both out")
            seen.add(keyword.arg)
            _setting(keyword, text)
    elif isinstance(tree, ast.Subscript):
        parts = [tree.value]
        _position(tree.slice, text)
    elif isinstance(tree, ast.Attribute) and tree.attr in ("T", "mT"):
        parts = [tree.value]
    elif isinstance(tree, ast.Name) or (isinstance(tree, ast.Constant) and type(tree.value) in (int, float)):
        parts = []
    else:
        kind = spoken.get(type(tree), type(tree).__name__)
        raise refused(text, getattr(tree, "col_offset", 0), f"{kind} is no part of the language of expressions")
    for part in parts:
        _check(part, text)


def _callee(call: ast.Call, text: str) -> Callable[..., Any]:
    """The operation or loss that is called."""
    named = call.func
    if isinstance(named, ast.Attribute) and isinstance(named.value, ast.Name) and named.value.id in rooms:
        name = named.attr
    elif isinstance(named, ast.Name):
        name = named.id
    else:
        raise refused(text, named.col_offset, "only operations of maplet can be called, by their names")
    found = losses.get(name) or (operations.get(name) if not name.startswith("_") else None)
    if found is None:
        known = [*operations, *losses]
        raise refused(
            text, named.col_offset, f"there is no operation {name!r}", suggest(name, known, kind="operations")
        )
    return found


def _setting(keyword: ast.keyword, text: str) -> Any:
    """A setting such as ``axis=1``: a number, a word, a truth value, a tuple."""
    try:
        return ast.literal_eval(keyword.value)
    except (ValueError, TypeError, MemoryError) as error:
        message = f"the setting {keyword.arg or '**'} is a number, a word, a truth value or a tuple of these"
        raise refused(text, keyword.value.col_offset, message) from error


def _position(part: ast.AST, text: str) -> Any:
    """A place in an array: numbers, slices, and tuples of these."""
    if isinstance(part, ast.Tuple):
        return tuple([_position(inner, text) for inner in part.elts])
    if isinstance(part, ast.Slice):
        ends = (None if end is None else _position(end, text) for end in (part.lower, part.upper, part.step))
        return slice(*ends)
    try:
        found: Any = ast.literal_eval(part)  # type: ignore[arg-type]  (any node of an expression will do)
    except (ValueError, TypeError, MemoryError):
        found = None
    if isinstance(found, bool) or not isinstance(found, int):
        raise refused(text, getattr(part, "col_offset", 0), "a place in an array is a whole number or a slice")
    return found


class _Reader:
    """Computes an expression of arrays, node by node."""

    def __init__(self, text: str, arrays: Mapping[str, Any]) -> None:
        self.text = text
        self.arrays = arrays

    def value(self, tree: ast.AST) -> Any:
        """What a part is; an error in it points at the part."""
        try:
            return self._value(tree)
        except MapletError as error:
            if "\n" not in error.message:
                mark = f"{error.message}\n    {self.text}\n    {' ' * getattr(tree, 'col_offset', 0)}^"
                error.message, error.where = mark, None
            raise
        except ArithmeticError as error:
            raise refused(self.text, getattr(tree, "col_offset", 0), str(error.args[-1]), "smaller numbers") from error
        except TypeError as error:
            raise refused(self.text, getattr(tree, "col_offset", 0), str(error.args[-1])) from error

    def _value(self, tree: ast.AST) -> Any:
        if isinstance(tree, ast.Constant):
            return float(tree.value)  # type: ignore[arg-type]  (a number: _check has seen to it)
        if isinstance(tree, ast.Name):
            return self.arrays[tree.id]
        if isinstance(tree, ast.BinOp):
            left = self.value(tree.left)
            whole = isinstance(tree.op, ast.Pow) and isinstance(tree.right, ast.Constant) and tree.right.value == 2
            return _operated(tree.op, left, 2 if whole else self.value(tree.right))
        if isinstance(tree, ast.UnaryOp):
            return -self.value(tree.operand) if isinstance(tree.op, ast.USub) else self.value(tree.operand)
        if isinstance(tree, ast.Compare):
            return _operated(tree.ops[0], self.value(tree.left), self.value(tree.comparators[0]))
        return self._applied(tree)

    def _applied(self, tree: ast.AST) -> Any:
        if isinstance(tree, ast.Call):
            settings = {keyword.arg or "": _setting(keyword, self.text) for keyword in tree.keywords}
            return _callee(tree, self.text)(*[self.value(part) for part in tree.args], **settings)
        if isinstance(tree, ast.Subscript):
            return self.value(tree.value)[_position(tree.slice, self.text)]
        if isinstance(tree, ast.Attribute):
            return getattr(self.value(tree.value), tree.attr)
        raise AssertionError(type(tree))


def _operated(sign: ast.AST, left: Any, right: Any) -> Any:
    """Python's operator on arrays and numbers."""
    apply: Callable[[Any, Any], Any] = getattr(operator, binary[type(sign)])
    return apply(left, right)


def setting(text: str) -> tuple[str, Any]:
    """What stands behind ``--set``: ``x=[[1, 2]]`` is an array of real numbers, ``y:int=[0, 1]`` one of integers.

    Examples
    --------
    >>> setting("x=[[1, 2]]")
    ('x', array([[1., 2.]]))
    """
    name, equals, written = text.partition("=")
    name, _, kind = name.strip().partition(":")
    fix = "such as x=0.5, x=[[1, 2], [3, 4]], or labels:int=[0, 1]"
    if not equals or not name.isidentifier() or kind not in ("", "int", "float"):
        raise SettingError(f"--set {text}: expected NAME=VALUE", fix=fix)
    no_numbers = SettingError(f"--set {text}: {written!r} is no array of numbers", fix=fix)
    try:
        given = ast.literal_eval(written.strip())
        is_numbers = np.asarray(given).dtype.kind in "biuf"  # None would become NaN, and a word a number
        found = np.asarray(given, np.int64 if kind == "int" else np.float64)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, OverflowError) as error:
        raise no_numbers from error
    if not is_numbers:
        raise no_numbers
    return name, found
