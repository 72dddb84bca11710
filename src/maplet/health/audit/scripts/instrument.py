"""Words put into a script before it runs, at which the witness takes notes; what the script computes stays the same."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from maplet.health.audit.scripts.moving import moving, parts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

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
    classes = {"SimpleNamespace", *(node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))}
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    moved = moving(tree, functions)
    statements, words = dict(_statements(tree)), _Words(moved, functions, classes)
    tree = words.visit(tree)
    if tree.body:
        tree.body.append(_parsed(f"{word}.turn(0, over=True)", tree.body[-1]))
    last = frozenset(name.rpartition(".")[2] for name in moved)
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


# ── the words ────────────────────────────────────────────────────────────────────────────────────


class _Words(ast.NodeTransformer):
    """Puts the words of the witness into a program."""

    def __init__(
        self, moved: Mapping[str, bool], functions: Mapping[str, ast.FunctionDef], classes: Collection[str]
    ) -> None:
        self.moved = moved
        self.classes = classes
        self.entries = {name.rpartition(".")[2]: less for name, less in moved.items() if "." in name}
        self.own = functions
        self.functions: list[str] = []
        self.loops = 0
        self.names_a_loss = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Inside of a function, what it returns may be the loss, and a number that it is given a parameter."""
        moved = moving(node, self.own)
        self.functions.append(node.name)
        self.generic_visit(node)
        self.functions.pop()
        names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        given = [_parsed(f"{n} = {word}.number({n}, {moved[n]})", node) for n in names if n in moved]
        at = int(ast.get_docstring(node) is not None)
        node.body[at:at] = given
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        """What stands in a class itself are attributes: ``b: float = 0``."""
        for one in node.body:
            match one:
                case (
                    ast.Assign(targets=[ast.Name(name)], value=ast.expr() as value)
                    | ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value)
                ):
                    one.value = self._parameter(ast.Attribute(ast.Name("self"), name), value)
                case _:
                    pass
        return self.generic_visit(node)

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
        several = target.elts if isinstance(target, ast.Tuple) else []
        if rest:  # each is a parameter of its own
            names = [name for name in map(ast.unparse, node.targets) if name in self.moved]
            return [node, *(_parsed(f"{n} = {word}.number({n}, {self.moved[n]})", node) for n in names)]
        if isinstance(node.value, ast.Tuple) and len(several) == len(node.value.elts):
            node.value.elts = [self._noted(one, value) for one, value in zip(several, node.value.elts, strict=True)]
        else:
            node.value = self._noted(several[0] if several else target, node.value)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        """``b: float = 0``."""
        self.generic_visit(node)
        if node.value is not None:
            node.value = self._noted(node.target, node.value)
        return node

    def _noted(self, target: ast.expr, value: ast.expr) -> ast.expr:
        name = ast.unparse(target)
        if is_loss(name):
            return self._loss(name, value, value, added=name in parts(value))
        return self._parameter(target, value)

    def _parameter(self, target: ast.expr, value: ast.expr) -> ast.expr:
        """What is updated later, ``b = 0``, but not by this line; ``unit.b`` may be ``self.b`` here."""
        own = ast.unparse(target)
        known = self.entries.get(target.attr) if isinstance(target, ast.Attribute) else self.moved.get(own)
        if known is None or own in parts(value):
            return value
        return _call("number", [value, ast.Constant(known)], value)

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
        if getattr(node.func, "id", "") in self.classes:  # Unit(b=0) of what has a .b that is updated later
            for one in node.keywords:
                one.value = self._parameter(ast.Attribute(ast.Name("self"), one.arg or ""), one.value)
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

    def visit_ListComp(self, node: ast.ListComp) -> Any:
        """``[step(batch) for batch in batches]`` is a loop, too."""
        return self._turning_inside(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> Any:
        """The same."""
        return self._turning_inside(node)

    def _turning_inside(self, node: ast.ListComp | ast.GeneratorExp) -> Any:
        own = any(self._is_own(call.func) for call in ast.walk(node.elt) if isinstance(call, ast.Call))
        self.generic_visit(node)
        if own:
            self.loops += 1
            last = node.generators[-1]
            last.iter = _call("turns", [ast.Constant(self.loops), last.iter], last.iter)
        return node

    def _is_own(self, function: ast.expr) -> bool:
        """Whether the script defines what is called, so that it may train."""
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        return name in self.own

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
