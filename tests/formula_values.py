"""What formulas that are written element by element come to: read as a person reads them, place by place.

An element outside of an array is 0, and the letters of a sum run over as many places as any array has.
"""

from itertools import product
from math import exp

import numpy as np

from maplet.explain.formula import Call, Fraction, Function, Group, Name, Number, Partial, Row, Script, Sign

functions = {"σ": lambda x: 1 / (1 + exp(-x)), "max": max, "tanh": np.tanh}
relations = {"=": lambda a, b: a == b, ">": lambda a, b: a > b, "<": lambda a, b: a < b}


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Reader:
    """Reads formulas, given the arrays that have a name."""

    def __init__(self, arrays):
        self.arrays = dict(arrays)
        self.longest = max(max(np.shape(array), default=1) for array in self.arrays.values())

    def line(self, equation, shape):
        """The array that an equation defines, which is known from then on."""
        left, right = equation.parts[0], equation.parts[2:]
        own = left.by if isinstance(left, Partial) else left
        name, letters = (own.base.text, own.below.text.split(",")) if isinstance(own, Script) else (own.text, [])
        array = np.zeros(shape)
        for at in np.ndindex(*shape):
            array[at] = self.value(
                Row(right), {letter: n for letter, n in zip(letters, at, strict=True) if letter != "0"}
            )
        if not isinstance(left, Partial):
            self.arrays[name] = array
        return array

    def value(self, part, at):
        """The number that a formula is, with numbers for its letters."""
        match part:
            case Row(parts):
                found = self.row(parts, at)
            case Number(written):
                found = float(written.replace("−", "-"))
            case Name(name):
                found = at[name] if name in at else self.place(name, at)
            case Fraction(over, under):
                found = self.value(over, at) / self.value(under, at)
            case Group("[", Row((left, sign, *right))):
                found = float(relations[sign.text](self.value(left, at), self.row(right, at)))
            case Group(_, body):
                found = self.value(body, at)
            case Call(function, Group(_, Row(parts))):
                found = functions[function.text](*[self.row(one, at) for one in listed(parts)])
            case Call(function, Group(_, body)):
                found = functions[function.text](self.value(body, at))
            case Script(base, below, above) if above is not None:
                found = self.value(Script(base, below) if below else base, at) ** self.value(above, at)
            case Script(base, below):
                found = self.element(base, [self.place(one, at) for one in places(below.text)])
        return found

    def element(self, base, at):
        if isinstance(base, Call):
            assert base.function.text == "softmax"
            array = softmax(self.arrays[base.arguments.body.text])
        else:
            array = self.arrays[base.text]
        inside = all(float(n).is_integer() and 0 <= n < length for n, length in zip(at, array.shape, strict=True))
        outside = np.nan if array.dtype.kind in "iu" else 0.0  # no number of a row
        return float(array[tuple(map(int, at))]) if inside else outside

    def place(self, text, at):
        """``2·j+m``, ``y[k]``: as Python would read it; −1 where an array of places has no such place."""
        try:
            return eval(text.replace("·", "*").replace("−", "-"), {}, {**self.arrays, **at})
        except IndexError:
            return -1

    def row(self, parts, at):
        parts = list(parts)
        for n, part in enumerate(parts):
            if isinstance(part, Script) and part.base == Function("Σ"):
                letters, body = part.below.text.split(","), Row(tuple(parts[n + 1 :]))
                every = product(range(self.longest), repeat=len(letters))
                total = sum(self.value(body, {**at, **dict(zip(letters, numbers, strict=True))}) for numbers in every)
                return self.row([*parts[:n], Number(repr(total))], at)
        for signs in (("+", "−"), ("·",)):
            for n in range(len(parts) - 1, -1, -1):
                if parts[n] in map(Sign, signs):
                    left = self.row(parts[:n], at) if n else (1.0 if signs == ("·",) else 0.0)
                    right = self.row(parts[n + 1 :], at)
                    return left * right if signs == ("·",) else left + right if parts[n] == Sign("+") else left - right
        if len(parts) == 2 and isinstance(parts[0], Function):
            return functions[parts[0].text](self.value(parts[1], at))
        (part,) = parts
        return self.value(part, at)


def listed(parts):
    """The arguments of a function."""
    found = [[]]
    for part in parts:
        found = [*found, []] if part == Sign(",") else [*found[:-1], [*found[-1], part]]
    return found


def places(text):
    """The places of an element: commas inside of brackets belong to one of them."""
    found, depth = [""], 0
    for letter in text:
        depth += (letter == "[") - (letter == "]")
        if letter == "," and not depth:
            found.append("")
        else:
            found[-1] += letter
    return found
