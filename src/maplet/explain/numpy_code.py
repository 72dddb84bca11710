"""Terms as NumPy code that a person could have written, and that runs."""

# The spellings below are of one signature, of which each uses what it needs.
# ruff: noqa: ARG005

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import SettingError
from maplet.explain.symbols import slice_key
from maplet.explain.term_formulas import ratio
from maplet.explain.terms import Term, factors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Names = Mapping[Term, str]

# How tightly a piece of Python holds together.
loose, compared, added, multiplied, signed, whole = range(6)

infix = {
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!=",
    "power": "**",
}  # fmt: skip

# What is computed of whole arrays, and not element by element.
whole_arrays = {"symbol", "transpose", "matmul", "softmax", "one_hot", "sum", "reshape", "concat"}

# What NumPy has no function for.
helpers = {
    "sigmoid": "def sigmoid(z):\n    return 1 / (1 + np.exp(-z))\n",
    "softmax": (
        "def softmax(z, axis):\n"
        "    e = np.exp(z - np.max(z, axis=axis, keepdims=True))\n"
        "    return e / np.sum(e, axis=axis, keepdims=True)\n"
    ),
}


def identifier(name: str) -> str:
    """A name as Python takes it: ``hidden.weight`` is ``hidden_weight``."""
    return re.sub(r"\W", "_", name)


def _pad(parts: Sequence[str], settings: Mapping[str, Any], term: Term) -> str:
    if any(settings["between"]):
        raise SettingError(f"NumPy has no function to put zeros between the elements of {term.parts[0].shape}")
    return f"np.pad({parts[0]}, {tuple(zip(settings['low'], settings['high'], strict=True))})"


# Where NumPy has no function of that name, or one that is called in another way.
spelled_otherwise: dict[str, Callable[[Sequence[str], Mapping[str, Any], Term], str]] = {
    "reshape": lambda parts, settings, term: f"np.reshape({parts[0]}, {settings['shape']})",
    "constant": lambda parts, settings, term: f"np.asarray({settings['value']!r})",
    "iota": lambda parts, settings, term: f"np.indices({settings['shape']})[{settings['axis']}]",
    "concat": lambda parts, settings, term: f"np.concatenate(({', '.join(parts)}), axis={settings['axis']})",
    "slice": lambda parts, settings, term: f"{parts[0]}[{slice_key(settings, term.parts[0].shape)}]",
    "pad": _pad,
}


class Code:
    """Writes terms as Python expressions, and notes which helpers they need."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.needed: set[str] = set()

    def text(self, term: Term, need: int = loose, *, defines: bool = False, exact: bool = False) -> str:
        """A term; in parentheses if it holds together less tightly than is needed.

        ``exact`` asks for an array of the term's own shape, where NumPy would otherwise repeat it by itself.
        """
        if term in self.names and not defines:
            return identifier(self.names[term])
        found, binding = self._written(term)
        if exact and self._short(term, defines=defines):
            return f"np.broadcast_to({found}, {term.shape})"  # binds as tightly as any call
        return found if binding >= need else f"({found})"

    def _short(self, term: Term, *, defines: bool) -> bool:
        """Whether the written form is smaller than the term, which repeats it."""
        return self.written_shape(term, defines=defines) != term.shape

    def written_shape(self, term: Term, *, defines: bool = False) -> tuple[int, ...]:
        """The shape of what the written form computes, where NumPy repeats nothing."""
        if (
            (term in self.names and not defines)
            or term.head in whole_arrays
            or (term.settings and term.head != "product")
        ):
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
        name, need = term.head, whole if term.head == "slice" else loose
        parts = [self.text(part, need, exact=self._is_whole(term)) for part in term.parts]
        if name == "transpose":
            return f"{self.text(term.parts[0], whole, exact=True)}.T"
        if name == "one_hot":
            return f"np.eye({term.settings[0]})[{parts[0]}]"
        if name == "indicator":
            return f"({parts[0]})"
        if name in helpers:
            self.needed.add(name)
            return f"{name}({', '.join([*parts, *(f'axis={axis}' for axis in term.settings)])})"
        return self._of_numpy(name, parts, term)

    def _is_whole(self, term: Term) -> bool:
        """Whether an operation takes its operands as whole arrays."""
        return term.head in whole_arrays or bool(term.settings)

    def _of_numpy(self, name: str, parts: list[str], term: Term) -> str:
        """A call of NumPy's function of that name."""
        if name == "sum":
            axes, keeps = term.settings
            return f"np.sum({parts[0]}{_axes(axes, len(term.parts[0].shape))}{', keepdims=True' if keeps else ''})"
        settings: dict[str, Any] = dict(term.settings)
        if name in spelled_otherwise:
            return spelled_otherwise[name](parts, settings, term)
        if not hasattr(np, name):
            raise SettingError(
                f"NumPy has no function {name}, so the gradient has no code in it",
                fix="text() and latex() show it; mp.grad computes it",
            )
        if "axes" in settings and name in ("max", "min", "any", "all"):
            settings["axis"] = settings.pop("axes")
        given = [f"{key}={value!r}" for key, value in settings.items() if not (key == "keepdims" and not value)]
        return f"np.{name}({', '.join([*parts, *given])})"


def _counted(terms: Sequence[Term]) -> list[tuple[Term, int]]:
    return list(Counter(terms).items())


def _axes(axes: Sequence[int], ndim: int) -> str:
    if len(axes) == ndim:
        return ""
    return f", axis={axes[0] if len(axes) == 1 else tuple(axes)}"


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "np.nan" if np.isnan(value) else "np.inf" if value > 0 else "-np.inf"
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def function_code(
    arguments: Sequence[str], lines: Sequence[tuple[str, Term]], results: Mapping[str, Term], names: Names
) -> str:
    """A Python function of the inputs that returns the gradients by name."""
    code = Code(names)
    body = [f"    {identifier(name)} = {code.text(term, defines=True, exact=True)}" for name, term in lines]
    entries = [f"        {name!r}: {code.text(term, exact=True)}," for name, term in results.items()]
    signature = ", ".join(map(identifier, arguments))
    needed = [helpers[name] for name in helpers if name in code.needed]
    parts = ["import numpy as np\n", *needed]
    function = "\n".join([f"def gradients({signature}):", *body, "    return {", *entries, "    }"])
    return "\n\n".join([*parts, function]) + "\n"
