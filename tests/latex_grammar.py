"""A small grammar of LaTeX: as much of it as our formulas use, and strict where processors are.

What passes here was also read by KaTeX (in its strict mode) and MathJax, which need a network to be had.
"""

import re

tokens = re.compile(r"\\[a-zA-Z]+|\\.|[^\\]", re.DOTALL)
arguments = {"frac": 2, "sqrt": 1, "mathrm": 1, "operatorname": 1, "mathbb": 1}
environments = {"align*", "cases", "bmatrix"}
fences = {"(", ")", "[", "]", "|", ".", r"\|", r"\lfloor", r"\rfloor", r"\lceil", r"\rceil", r"\{", r"\}"}
symbols = re.findall(
    r"\w+",
    """
    alpha beta gamma delta varepsilon eta theta lambda mu pi rho sigma tau varphi psi omega
    Phi Gamma Delta Theta Omega nabla partial infty top dots vdots sum prod
    cdot times ast star odot bmod le ge ne approx sim mapsto to land lor wedge backslash
    sin cos tan arcsin arccos arctan sinh cosh tanh ln log exp max min det
    lfloor rfloor lceil rceil
    """,
)


class Grammar:
    """Reads one formula, or raises `ValueError` with what is wrong and where."""

    def __init__(self, text):
        self.tokens, self.at = tokens.findall(re.sub(r"(?m)^%.*$", "", text)), 0
        self.formula(ends=set(), tabular=False)
        if self.at < len(self.tokens):
            self.fail("something closes that was not opened")

    def fail(self, message):
        raise ValueError(f"{message}: {''.join(self.tokens[max(0, self.at - 30) : self.at + 10])!r}")

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1] if self.at <= len(self.tokens) else self.fail("it ends too early")

    def peek(self):
        while self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def formula(self, ends, *, tabular):
        """Atoms with scripts, up to a token that ends them."""
        while (token := self.peek()) and token not in {*ends, "}", r"\right", r"\end"}:
            if token in {"&", r"\\"}:
                if not tabular:
                    self.fail(f"{token} outside of a table")
                self.next()
            else:
                self.atom()
                self.scripts()

    def scripts(self):
        seen = set()
        while (token := self.peek()) in {"_", "^"}:
            if token in seen:
                self.fail(f"two {token} of one base")
            seen.add(self.next())
            self.atom()

    def atom(self):
        self.peek()
        token = self.next()
        if token == "{":
            self.formula(ends=set(), tabular=False)
            self.expect("}")
        elif token == r"\left":
            self.fence()
            self.formula(ends=set(), tabular=False)
            self.expect(r"\right")
            self.fence()
        elif token == r"\text":
            self.words()
        elif token == r"\begin":
            name = self.name()
            self.formula(ends=set(), tabular=True)
            self.expect(r"\end")
            if name not in environments or self.name() != name:
                self.fail(f"the environment {name}")
        elif token[0] == "\\" and token[1:] in arguments:
            for _ in range(arguments[token[1:]]):
                if self.peek() != "{":
                    self.fail(f"{token} without its argument")
                self.atom()
        elif token[0] == "\\" and len(token) > 2 and token[1:] not in symbols:
            self.fail(f"unknown: {token}")
        elif token in {"_", "^", "}", "&", "#", "$", "%", "~"} or not token.isascii():
            self.fail(f"{token} has no place here")

    def words(self):
        """What stands in ``\\text``: any letters, and mathematics between dollars."""
        self.expect("{")
        depth = 0
        while depth or self.tokens[self.at : self.at + 1] != ["}"]:
            token = self.next()
            depth += (token == "{") - (token == "}")
            if token in {"_", "^", "&", "#", "%", "~", "−", "→", "×"}:
                self.fail(f"{token} in a text")
            if token == "$":
                start = self.at
                while self.next() != "$":
                    pass
                Grammar("".join(self.tokens[start : self.at - 1]))
        self.expect("}")

    def expect(self, token):
        if self.peek() != token:
            self.fail(f"{token} is missing")
        self.next()

    def fence(self):
        self.peek()
        if self.next() not in fences:
            self.fail("no fence")

    def name(self):
        self.expect("{")
        found = ""
        while (token := self.next()) != "}":
            found += token
        return found
