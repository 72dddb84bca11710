"""Formulas: read from the records, and written so that they mean what they stand for."""

import operator
import re
from fractions import Fraction as Exact
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maplet as mp
from maplet import nn
from maplet.core.index_notation import Read
from maplet.core.kinds import is_elementwise
from maplet.core.primitive import registry
from maplet.explain.entries import entry_formulas
from maplet.explain.formula import Name, Number, Row, Sign, fill
from maplet.explain.notation import notation_of
from maplet.explain.print_latex import latex
from maplet.explain.print_mathml import math
from maplet.explain.print_text import text
from maplet.explain.rules import local_formula, local_with_numbers, rule_of
from maplet.explain.symbols import number, symbol, value_formula
from maplet.explain.words import rules, words

operands = [Row((Name("a"), Sign("+"), Name("b"))), Name("w1"), Number("-2")]


@pytest.mark.parametrize("name", registry)
def test_every_record_is_written_in_every_notation(name):
    formula = fill(notation_of(registry[name], 3), operands)
    plain, tex, xml = text(formula), latex(formula), math(formula)
    assert plain
    assert not re.search(r"\\|[{]\d[}]|[\ue000-\uf8ff]", plain)
    assert tex.count("{") == tex.count("}")
    assert tex.count(r"\left") == tex.count(r"\right")
    assert not re.search(r"[\ue000-\uf8ff]", tex)
    ET.fromstring(xml)


meaning = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv,
    "negative": operator.neg, "square": lambda x: x * x, "reciprocal": lambda x: 1 / x,
}  # fmt: skip
leaf = st.tuples(st.just("leaf"), st.integers(-9, 9))
trees = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["add", "subtract", "multiply", "divide"]), inner, inner),
        st.tuples(st.sampled_from(["negative", "square", "reciprocal"]), inner),
    ),
    max_leaves=12,
)


def value_of(tree):
    return Exact(tree[1]) if tree[0] == "leaf" else meaning[tree[0]](*map(value_of, tree[1:]))


def formula_of(tree):
    if tree[0] == "leaf":
        return number(tree[1])
    return fill(notation_of(registry[tree[0]], len(tree) - 1), [formula_of(part) for part in tree[1:]])


def read(plain):
    """Python's own reading of a formula in plain text, with exact numbers."""
    python = plain.replace("−", "-").replace("·", "*").replace("²", "**2")
    return eval(re.sub(r"(?<![*\d])(\d+)", r"Exact(\1)", python), {"Exact": Exact})


@given(trees)
@settings(deadline=None)
def test_parentheses_stand_wherever_they_are_needed(tree):
    try:
        expected = value_of(tree)
    except ZeroDivisionError:
        return
    assert read(text(formula_of(tree))) == expected


def test_and_nowhere_else():
    a, b, c = map(Name, "abc")
    shown = {
        "a + b + c": ("add", ("add", a, b), c),
        "a·b·c": ("multiply", ("multiply", a, b), c),
        "a·b + c": ("add", ("multiply", a, b), c),
        "1/(1 + e^(−a))": ("reciprocal", ("add", Number("1"), ("exp", ("negative", a)))),
        "(a/b)²": ("square", ("divide", a, b)),
        "sin a": ("sin", a),
        "ln(1 + a)": ("log1p", a),
        "√(a + b)": ("sqrt", ("add", a, b)),
        "a (b + c)": ("matmul", a, ("add", b, c)),
    }

    def built(tree):
        if not isinstance(tree, tuple):
            return tree
        return fill(notation_of(registry[tree[0]], len(tree) - 1), [built(part) for part in tree[1:]])

    for plain, tree in shown.items():
        assert text(built(tree)) == plain


def test_names_and_numbers():
    assert [latex(Name(n)) for n in ("x", "w1", "θ", "hidden.weight", "net_h1")] == [
        "x", "w_{1}", r"\theta", r"\mathrm{hidden.weight}", r"\mathrm{net\_h1}",
    ]  # fmt: skip
    assert [text(number(x)) for x in (0.1 + 0.2, -1e-12, -0.0, 1e20, True, np.float32(2), float("inf"))] == [
        "0.3", "−1e−12", "0", "1e20", "true", "2", "inf",
    ]  # fmt: skip
    assert latex(number(-1e-12)) == r"-1 \cdot 10^{-12}"


def is_function_of_elements(primitive):
    """Whether a record is of the form f(x[i], y[i], …), and has a derivative."""
    if primitive.gradient is None or primitive.example is None or primitive.access is None:
        return False
    inputs, params = primitive.example(np.random.default_rng(0))
    access = primitive.access(*[mp.core.array.type_of(np.asarray(x)) for x in inputs], **params)
    return access is not None and is_elementwise(access) and not isinstance(access.value, Read)


elementwise = [name for name, primitive in registry.items() if is_function_of_elements(primitive)]


@pytest.mark.parametrize("name", elementwise)
def test_the_local_derivative_is_that_of_central_differences(name):
    """The value of `local` at an example of the record; its formula is there where the value is."""
    inputs, params = registry[name].example(np.random.default_rng(3))
    inputs = [np.asarray(x) for x in inputs]
    derivation = mp.explain(lambda *xs: mp.sum(mp.core.trace.bind(name, *xs, **params)), *inputs)
    step = derivation.steps[0]
    assert step.elementwise
    for n, x in enumerate(inputs):
        local = step.local(n)
        assert (local is None) == (local_formula(step, n) is None) == (local_with_numbers(step, n) is None)
        if local is None or x.dtype.kind != "f":
            continue
        small = 1e-6
        up, down = ([y + (sign * small if k == n else 0) for k, y in enumerate(inputs)] for sign in (1, -1))
        expected = (registry[name].reference(*up, **params) - registry[name].reference(*down, **params)) / (2 * small)
        np.testing.assert_allclose(local, np.broadcast_to(expected, local.shape), rtol=1e-5, atol=1e-7)


def test_local_derivatives_as_a_person_writes_them():
    derivation = mp.explain(lambda x, y: mp.sigmoid(x) * mp.tanh(y) / mp.exp(x) + mp.log(x) + y**2, 0.5, 0.25)
    shown = {step.operation: text(local_formula(step, 0)) for step in derivation.steps}
    names = {step.operation: step.name for step in derivation.steps}
    assert shown["sigmoid"] == f"{names['sigmoid']}·(1 − {names['sigmoid']})"
    assert shown["tanh"] == f"1 − {names['tanh']}²"
    assert shown["exp"] == names["exp"]
    assert shown["log"] == "1/x"
    assert shown["square"] == "2·y"
    assert shown["divide"] == f"1/{names['exp']}"
    assert shown["add"] == "1"


def test_entries_written_out_come_to_the_value():
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))
    x = np.linspace(-1, 1, 6).reshape(2, 3).astype(np.float32)
    derivation = mp.explain(lambda net, x: mp.mean(net(x) ** 2), net, x)
    known = {node: symbol(node, derivation.names) for node in derivation.names}
    scope = {"tanh": np.tanh, "Exact": float}
    seen = 0
    for one in (*derivation.leaves, *derivation.steps):
        for node, value in ((one.node, one.value), (derivation.cotangent_node(one.node), one.cotangent)):
            if node is None or (one.operation == "input" and node is one.node):
                continue
            at = tuple(n - 1 for n in value.shape)
            found = entry_formulas(node, at, {k: v for k, v in known.items() if k is not node}, derivation.values)
            if found is None:
                assert one is derivation.loss
                continue
            plain = re.sub(r"tanh (\(?[−\d.e]+\)?)", r"tanh(\1)", text(found[1]))
            python = plain.replace("−", "-").replace("·", "*").replace("²", "**2")
            if "…" in python:
                continue
            assert eval(python, scope) == pytest.approx(value[at], rel=1e-4, abs=1e-6), (one.name, plain)
            seen += 1
    assert seen > 15


def test_every_word_is_said_somewhere():
    source = "".join(path.read_text(encoding="utf-8") for path in Path(mp.explain.__path__[0]).glob("*.py"))
    said = source.replace(Path(mp.explain.__path__[0], "words.py").read_text(encoding="utf-8"), "").replace("'", '"')
    assert not [key for key in words if f'"{key}"' not in said]


def test_every_rule_has_words_in_both_languages():
    assert all(len(set(both)) == 2 and all(both) for both in (*rules.values(), *words.values()))
    derivation = mp.explain(
        lambda x, w: mp.sum(mp.max(mp.tanh(x @ w) + 1.0, axis=1) ** 2) + mp.sum(mp.linalg.inv(w) * mp.stop_gradient(w)),
        np.ones((2, 2)), np.asarray([[1.0, 2.0], [3.0, 5.0]]),
    )  # fmt: skip
    found = {rule_of(one) for one in (*derivation.leaves, *derivation.steps)}
    assert found >= {"input", "stopped", "passed on", "chain", "product", "summed", "chosen", "host"}
    assert found <= set(rules)


def test_what_reductions_go_along_is_said_where_that_is_not_everything():
    derivation = mp.explain(lambda x: mp.sum(mp.max(x, axis=1)), np.ones((2, 3)))
    assert [text(value_formula(step)) for step in derivation.steps] == ["max[axis 1] x", "Σ v1"]


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("shape", [(), (2,)])
def test_what_is_settled_by_constants_is_worked_out_in_every_formula(exponent, shape):
    """The derivative of a power asks whether its exponent is 0, which is known: no formula asks it again."""

    def f(x):
        return mp.sum(x**exponent)

    derivation, found = mp.explain(f, np.full(shape, 2.0)), mp.derive(f, np.full(shape, 2.0))
    for shown in (derivation.text(), derivation.latex(), derivation.mermaid(), found.text(), found.latex()):
        assert not re.search(r"\bif\b|cases", shown)
    if exponent == 3.0:
        assert "∂loss/∂v1·3·x²" in derivation.text() or "∂loss/∂loss·3·x²" in derivation.text()
        assert found.text() == "∂loss/∂x = 3·x²"


def test_a_choice_that_is_no_constant_stays():
    lines = mp.explain(lambda x: mp.where(x > 1.0, x, 2.0 * x), 0.5).text()
    assert "{∂loss/∂loss if v1, else 0}" in lines
