"""Terms as NumPy code that a person could have written, and that runs."""

from __future__ import annotations

import re
from collections import Counter
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.primitive import registry
from maplet.explain.arrangement import arranged
from maplet.explain.numpy_spelling import has_helper, helpers, spelled
from maplet.explain.symbols import is_program
from maplet.explain.term_formulas import ratio
from maplet.explain.terms import Term, factors
from maplet.explain.translation import Translation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from maplet.core.graph import Graph, Node
    from maplet.explain.gradient_terms import GradientTerms

    Names = Mapping[Term, str]

# How tightly a piece of Python holds together.
loose, compared, added, multiplied, signed, whole = range(6)

infix = {
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!=",
    "power": "**",
}  # fmt: skip

# What is computed of whole arrays, and not element by element.
whole_arrays = {"symbol", "transpose", "matmul", "softmax", "one_hot", "pick", "sum", "reshape", "concat", "put"}

# Terms that are no operations (see `terms`).
of_terms: Mapping[str, Callable[[Sequence[str], Term], str]] = {
    "one_hot": lambda parts, term: f"np.eye({term.settings[0]})[{parts[0]}]",
    "indicator": lambda parts, term: f"({parts[0]})",  # noqa: ARG005  (of one signature)
    "pick": lambda parts, term: f"{parts[0]}[np.arange({term.shape[0]}), {parts[1]}]",
    "softmax": lambda parts, term: f"softmax({parts[0]}, axis={term.settings[0]})",
}


def identifier(name: str) -> str:
    """A name as Python takes it: ``hidden.weight`` is ``hidden_weight``."""
    return re.sub(r"\W", "_", name)


class Code:
    """Writes terms as Python expressions, and notes which functions they call.

    Attributes
    ----------
    needed
        Names of helpers.
    bodies
        The programs inside of loops and branches, as functions with names of their own.
    """

    def __init__(self, names: Names, around: Code | None = None) -> None:
        self.names = {term: name.replace("δ", "delta") for term, name in names.items()}
        self.needed: set[str] = set() if around is None else around.needed
        self.bodies: dict[int, str] = {} if around is None else around.bodies
        self.functions: list[str] = [] if around is None else around.functions

    def text(self, term: Term, need: int = loose, *, defines: bool = False, exact: bool = False) -> str:
        """A term; in parentheses if it holds together less tightly than is needed.

        ``exact`` asks for an array of the term's own shape, where NumPy would otherwise repeat it by itself.
        """
        if term in self.names and not defines:
            return identifier(self.names[term])
        if term.head == "apart":
            return self.text(term.parts[0], need, exact=exact)
        found, binding = self._written(term)
        if exact and self._short(term, defines=defines):
            return f"np.broadcast_to({found}, {term.shape})"  # binds as tightly as any call
        return found if binding >= need else f"({found})"

    def _short(self, term: Term, *, defines: bool) -> bool:
        """Whether the written form is smaller than the term, which repeats it."""
        return self.written_shape(term, defines=defines) != term.shape

    def written_shape(self, term: Term, *, defines: bool = False) -> tuple[int, ...]:
        """The shape of what the written form computes, where NumPy repeats nothing."""
        if (term in self.names and not defines) or self._is_whole(term):
            return () if term.head == "number" else term.shape
        return np.broadcast_shapes(*map(self.written_shape, term.parts)) if term.parts else term.shape

    def _written(self, term: Term) -> tuple[str, int]:
        if term.head == "symbol":
            return identifier(term.settings[0]), whole
        if term.head == "number":
            return _number(term.settings[0]), signed if term.settings[0] < 0 else whole
        if term.head in infix:
            a, b = (self.text(part, whole if term.head == "power" else added) for part in term.parts)
            return f"{a} {infix[term.head]} {b}", signed if term.head == "power" else compared
        written = {"product": self._product, "total": self._total, "matmul": self._matmul}.get(term.head)
        return written(term) if written is not None else (self._call(term), whole)

    def _total(self, term: Term) -> tuple[str, int]:
        parts = [self.text(part, added) for part in term.parts]
        return "".join([parts[0], *(f" - {p[1:]}" if p[0] == "-" else f" + {p}" for p in parts[1:])]), added

    def _matmul(self, term: Term) -> tuple[str, int]:
        a, b = term.parts
        return f"{self.text(a, multiplied, exact=True)} @ {self.text(b, signed, exact=True)}", multiplied

    def _product(self, term: Term) -> tuple[str, int]:
        coefficient, up, down = factors(term)
        above, below = ratio(abs(coefficient))
        numbers = [_number(above)] if above != 1 or not up else []
        first = not numbers  # a product of matrices may stand first without parentheses
        over = [self._power(t, n, multiplied if i == 0 and first else signed) for i, (t, n) in enumerate(_counted(up))]
        under = [*([_number(below)] if below != 1 else []), *(self._power(t, n, signed) for t, n in _counted(down))]
        found = " * ".join([*numbers, *over])
        if under:
            found += f" / {under[0]}" if len(under) == 1 else f" / ({' * '.join(under)})"
        alone = len(numbers) + len(over) == 1 and not under
        if coefficient < 0:
            return f"-{found}", signed if alone else added
        return found, signed if alone else multiplied

    def _power(self, term: Term, times: int, need: int) -> str:
        return self.text(term, need) if times == 1 else f"{self.text(term, whole)}**{times}"

    def _call(self, term: Term) -> str:
        name, need = term.head, whole if term.head in ("slice", "item", "pick") else loose
        parts = [self.text(part, need, exact=self._is_whole(term)) for part in term.parts]
        if name == "transpose":
            return f"{self.text(term.parts[0], whole, exact=True)}.T"
        if name == "sum":
            axes, keeps = term.settings
            return f"np.sum({parts[0]}{_axes(axes, len(term.parts[0].shape))}{', keepdims=True' if keeps else ''})"
        if name in of_terms:
            code = of_terms[name](parts, term)
        else:
            settings: dict[str, Any] = dict(term.settings)
            nested = any(map(is_program, settings.values()))
            code = self._nested(name, parts, settings) if nested else spelled(name, parts, settings, term)
        called = code.partition("(")[0]
        if has_helper(called) or called.startswith("special."):
            self.needed.add(called.partition(".")[0])
        return code

    def _is_whole(self, term: Term) -> bool:
        """Whether an operation takes its operands as whole arrays, and not element by element."""
        host = term.head in registry and registry[term.head].access is None
        return term.head in whole_arrays or host or bool(term.settings and term.head != "product")

    # ── programs inside ──────────────────────────────────────────────────────────────────────────

    def _nested(self, name: str, parts: Sequence[str], settings: Mapping[str, Any]) -> str:
        """A loop, a branch or a call, by the helper of that name and functions for the programs inside."""
        if name in ("call", "custom_gradient"):
            return f"{self._body(settings['graph' if name == 'call' else 'forward'])}({', '.join(parts)})"
        if name == "switch":
            return f"switch({parts[0]}, {_listed(map(self._body, settings['branches']))}, {_listed(parts[1:])})"
        constants = settings["constants"]
        body = self._body(settings["body"])
        if name == "while_loop":
            goes_on = self._body(settings["condition"])
            groups = (parts[:constants], parts[constants:])
            return f"while_loop({goes_on}, {body}, {', '.join(map(_listed, groups))}, {settings['bound']})"
        end = constants + settings["carries"]
        groups = (parts[:constants], parts[constants:end], parts[end:])
        backwards = ", reverse=True" if settings["reverse"] else ""
        return f"scan({body}, {', '.join(map(_listed, groups))}, {settings['length']}{backwards})"

    def _body(self, graph: Graph) -> str:
        """The name of the function that a program inside is."""
        if id(graph) not in self.bodies:
            arguments = _arguments(graph)
            translation = Translation(dict(arguments))
            results = [translation.term(node) for node in graph.outputs]
            lines, names = arranged({}, results)
            code = Code(names, self)
            body = [f"    {identifier(_plain(name))} = {code.text(t, defines=True, exact=True)}" for name, t in lines]
            gives = _listed(code.text(term, exact=True) for term in results)
            name = self.bodies[id(graph)] = f"body{len(self.bodies) + 1}"
            head = f"def {name}({', '.join(arguments.values())}):"
            self.functions.append("\n".join([head, *body, f"    return {gives}"]) + "\n")
        return self.bodies[id(graph)]


def _arguments(graph: Graph) -> dict[Node, str]:
    """The inputs of a program inside by the names that they have there; one without a good name is numbered."""
    found: dict[Node, str] = {}
    for n, node in enumerate(graph.inputs):
        name = identifier(graph.origins[node].name) if node in graph.origins else ""
        usable = name.isidentifier() and not iskeyword(name) and name not in (*found.values(), "np", "special")
        found[node] = name if usable and not has_helper(name) else f"x{n}"
    return found


def _listed(parts: Iterable[str]) -> str:
    """A tuple in Python."""
    every = list(parts)
    return f"({', '.join(every)}{',' if len(every) == 1 else ''})"


def _plain(name: str) -> str:
    return name.replace("δ", "delta")


def _counted(terms: Sequence[Term]) -> list[tuple[Term, int]]:
    return list(Counter(terms).items())


def _axes(axes: Sequence[int], ndim: int) -> str:
    if len(axes) == ndim:
        return ""
    return f", axis={axes[0] if len(axes) == 1 else tuple(axes)}"


def _number(value: float) -> str:
    value = float(value)  # a numerator may be an integer of any size
    if not np.isfinite(value):
        return "np.nan" if np.isnan(value) else "np.inf" if value > 0 else "-np.inf"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def program_code(arguments: Sequence[str], terms: GradientTerms) -> str:
    """A Python program whose function ``gradients`` takes the inputs and returns the gradients by name."""
    code = Code(terms.names)
    body = [f"    # each row of {identifier(term.parts[0].settings[0])} adds up to 1" for term in terms.assumed]
    body += [f"    {identifier(_plain(name))} = {code.text(t, defines=True, exact=True)}" for name, t in terms.lines]
    entries = [f"        {name!r}: {code.text(term, exact=True)}," for name, term in terms.results.items()]
    signature = ", ".join(map(identifier, arguments))
    imports = "import numpy as np\n" + ("from scipy import special\n" if "special" in code.needed else "")
    function = "\n".join([f"def gradients({signature}):", *body, "    return {", *entries, "    }"])
    return "\n\n".join([imports, *helpers(code.needed - {"special"}), *code.functions, function]) + "\n"
