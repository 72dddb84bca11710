"""Words put into a script before it runs, at which the witness takes notes; what the script computes stays the same."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

looks_like_loss = re.compile(
    r"(^|_)(loss|losses|cost|mse|sse|bce|nll|objective|cross_?entropy|energy)(_|\d|$)|(total|sum|squared|mean|epoch)_?err(or)?$|(loss|cost|误差|损失)$|^total$|(?-i:^[JLE]$)",
    re.IGNORECASE,
)
of_other_rows = re.compile(
    r"(^|_)(val|valid|validation|test|dev|eval|smooth|best|last|prev|previous|old)(_|$)", re.IGNORECASE
)
looks_like_likelihood = re.compile(r"likelihood|log_?lik(_|$)|(^|_)(llh?|elbo)(_|$)|似然", re.IGNORECASE)
looks_like_gain = re.compile(
    rf"{looks_like_likelihood.pattern}|(^|_)(rewards?|returns?|utility|fitness|gain|profit)(_|$)", re.IGNORECASE
)
is_turned = re.compile(r"(^|_)(neg|negative|minus|nll)(_|$)|^n(eg)?l|负", re.IGNORECASE)
either_way = re.compile(r"(^|_)objective(_|$)|^(total|J|L)$", re.IGNORECASE)
word = "__audit__"
modules = ("numpy", "math", "numpy.random")


def is_loss(name: str) -> bool:
    """Whether a variable or function sounds like the loss that is trained on."""
    last = name.rsplit(".", maxsplit=1)[-1]
    found = looks_like_loss.search(last) or looks_like_likelihood.search(last)
    return found is not None and of_other_rows.search(last) is None


def is_gain(name: str) -> bool:
    """Whether a name is one of what right steps make larger: a likelihood, a reward."""
    return looks_like_gain.search(name) is not None and is_turned.search(name) is None


def is_cost(name: str) -> bool:
    """Whether a name is one of what right steps make less; ``objective``, ``J`` and ``L`` may be either."""
    return is_loss(name) and not is_gain(name) and either_way.search(name) is None


class Statement(NamedTuple):
    """A statement of a script: its first line, the names in it, and the numbers that are written there."""

    line: int
    names: frozenset[str]
    constants: tuple[float, ...]


class Instrumented(NamedTuple):
    """A script with the words of the witness in it.

    Parameters
    ----------
    tree
        The script.
    statements
        For each line its statement.
    names_a_loss
        Whether anything in it sounds like a loss; else any number may be one.
    moving
        The last names of what some line updates: ``W`` of ``layer.W -= …``.
    """

    tree: ast.Module
    statements: Mapping[int, Statement]
    names_a_loss: bool
    moving: frozenset[str]


def instrumented(text: str, path: str) -> Instrumented:
    """Put the words into a script."""
    tree = ast.parse(text, path)
    moving = _moving(tree)
    statements, words = dict(_statements(tree)), _Words(moving)
    tree = words.visit(tree)
    if tree.body:
        tree.body.append(_parsed(f"{word}.turn(0, over=True)", tree.body[-1]))
    last = frozenset(name.rpartition(".")[2] for name in moving)
    return Instrumented(ast.fix_missing_locations(tree), statements, words.names_a_loss, last)


def _statements(tree: ast.AST) -> Iterator[tuple[int, Statement]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return | ast.Expr):
            statement = Statement(node.lineno, frozenset(_names(node)), tuple(_constants(node)))
            yield from ((line, statement) for line in range(node.lineno, (node.end_lineno or node.lineno) + 1))


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
                yield name
            case _:
                pass


def _constants(tree: ast.AST) -> Iterator[float]:
    """The numbers in a statement that may multiply, and choose no axis or entry."""
    for node in ast.iter_child_nodes(tree):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, int | float) and value > 0:
            yield float(value)
        elif isinstance(node, ast.Subscript):
            yield from _constants(node.value)
        elif not isinstance(node, ast.keyword) and not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)):
            yield from _constants(node)


# ── numbers that are updated ─────────────────────────────────────────────────────────────────────


def _moving(tree: ast.AST) -> Mapping[str, bool]:
    """What becomes itself plus or minus something computed: ``b -= rate * db``, and no counter; true where less."""
    found: dict[str, bool] = {}
    for node in ast.walk(tree):
        match node:
            case ast.AugAssign(op=ast.Sub() | ast.Add() as op, target=target, value=value):
                pairs = [(target, ast.BinOp(target, op, value))]  # type: ignore[arg-type]  (read in the same words)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                pairs = list(zip(targets, values, strict=False))
            case ast.Assign(targets=[target], value=value):
                pairs = [(target, value)]
            case _:
                pairs = []
        for target, value in pairs:
            if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Sub | ast.Add) and _moves(target, value):
                name = ast.unparse(target.value if isinstance(target, ast.Subscript) else target)
                found[name] = found.get(name, False) or isinstance(value.op, ast.Sub)
    return found


def _moves(target: ast.expr, value: ast.BinOp) -> bool:
    own = ast.unparse(target)
    return own in _parts(value) and not all(
        isinstance(side, ast.Constant) or ast.unparse(side) == own for side in (value.left, value.right)
    )


def _parts(value: ast.AST) -> set[str]:
    kinds = ast.Name | ast.Attribute | ast.Subscript
    return {ast.unparse(node) for node in ast.walk(value) if isinstance(node, kinds)}


# ── the words ────────────────────────────────────────────────────────────────────────────────────


class _Words(ast.NodeTransformer):
    """Puts the words of the witness into a program."""

    def __init__(self, moving: Mapping[str, bool]) -> None:
        self.moving = moving
        self.functions: list[str] = []
        self.loops = 0
        self.names_a_loss = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Inside of a function, what it returns may be the loss."""
        self.functions.append(node.name)
        self.generic_visit(node)
        self.functions.pop()
        return node

    def visit_Import(self, node: ast.Import) -> Any:
        """Behind an import of NumPy, the recorder takes its name."""
        names = [alias.asname or alias.name for alias in node.names if alias.name in modules]
        return [node, *(_parsed(f"{n} = {word}.namespace({n})", node) for n in names if "." not in n)]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        """The same for what is taken out of it."""
        if node.module not in modules or any(alias.name == "*" for alias in node.names):
            return node
        names = [alias.asname or alias.name for alias in node.names]
        return [node, *(_parsed(f"{name} = {word}.namespace({name})", node) for name in names)]

    def visit_Return(self, node: ast.Return) -> Any:
        """What a function called loss returns is one."""
        self.generic_visit(node)
        if node.value is not None and self.functions and is_loss(self.functions[-1]):
            node.value = self._loss(self.functions[-1], node.value, node)
        return node

    def visit_Assign(self, node: ast.Assign) -> Any:
        """``loss = …``, ``loss, cache = …``, and ``b = 0`` of what is updated later."""
        self.generic_visit(node)
        (target, *rest) = node.targets
        if rest:
            return node
        if (
            isinstance(target, ast.Tuple)
            and isinstance(node.value, ast.Tuple)
            and len(target.elts) == len(node.value.elts)
        ):
            node.value.elts = [self._noted(one, value) for one, value in zip(target.elts, node.value.elts, strict=True)]
        else:
            node.value = self._noted(
                target.elts[0] if isinstance(target, ast.Tuple) and target.elts else target, node.value
            )
        return node

    def _noted(self, target: ast.expr, value: ast.expr) -> ast.expr:
        name = ast.unparse(target)
        if is_loss(name):
            return self._loss(name, value, value, added=name in _parts(value))
        if name not in self.moving:
            return value
        if isinstance(value, ast.Dict):
            value.values = [self._number(one, less=False) for one in value.values]
            return value
        return self._number(value, less=self.moving[name])

    def _number(self, value: ast.expr, *, less: bool) -> ast.expr:
        """What is updated later, ``b = 0``: a parameter like an array; a whole number only where it is made less."""
        if isinstance(value, ast.Constant | ast.UnaryOp | ast.Call):
            return _call("number", [value, ast.Constant(less)], value)
        return value

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """``loss += …`` is a loss in the making."""
        self.generic_visit(node)
        name = ast.unparse(node.target)
        if not is_loss(name):
            return node
        self.names_a_loss = True
        return [node, _parsed(f"{word}.loss({name!r}, {name}, added=True)", node)]

    def visit_Call(self, node: ast.Call) -> Any:
        """What is appended to a list, or printed, may be a loss that has no name of its own."""
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Attribute(attr="append", value=owner), args=[one]):
                name = ast.unparse(owner)
                node.args = [self._loss(name if is_loss(name) else "", one, node)]
            case ast.Call(func=ast.Name("print"), args=args) if not any(isinstance(a, ast.Starred) for a in args):
                node.args = [self._loss("", one, node) for one in args]
            case _:
                pass
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> Any:
        """The same inside of a text."""
        self.generic_visit(node)
        node.value = self._loss("", node.value, node.value)
        return node

    def _loss(self, name: str, value: ast.expr, at: ast.AST, *, added: bool = False) -> ast.Call:
        self.names_a_loss = self.names_a_loss or bool(name)
        return _call("loss", [ast.Constant(name), value, *([ast.Constant(True)] if added else [])], at)

    def visit_For(self, node: ast.For) -> Any:
        """A turn begins; and behind the loop the last one has ended."""
        return self._turning(node)

    def visit_While(self, node: ast.While) -> Any:
        """The same."""
        return self._turning(node)

    def _turning(self, node: ast.For | ast.While) -> Any:
        self.loops += 1
        number = self.loops
        self.generic_visit(node)
        node.body.insert(0, _parsed(f"{word}.turn({number})", node))
        return [node, _parsed(f"{word}.turn({number}, over=True)", node)]


def _parsed(text: str, at: ast.stmt) -> ast.stmt:
    found = ast.parse(text).body[0]
    for node in ast.walk(found):
        ast.copy_location(node, at)
    return found


def _call(name: str, args: list[Any], at: ast.AST) -> ast.Call:
    function = ast.Attribute(ast.Name(word, ast.Load()), name, ast.Load())
    return ast.copy_location(ast.Call(function, args, []), at)
