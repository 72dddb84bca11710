"""LaTeX that processors read: a small grammar goes over the formulas of all operations, and of whole derivations."""

import numpy as np
import pytest

import maplet as mp
import test_explain_by_hand as by_hand
import test_explain_derive as derived
import test_explain_indexed as indexed
from latex_grammar import Grammar
from loop_programs import programs as loops
from maplet.core.primitive import registry
from maplet.core.types import ArrayType
from maplet.explain.formula import Name, Places, Script, Words
from maplet.explain.print_latex import latex

programs = {
    **{f"derive: {name}": program for name, program in {**derived.programs, **derived.whole_nets}.items()},
    **{f"by hand: {f.__name__}": (f, by_hand.arguments(f)) for f in by_hand.losses},
    **{f"indexed: {name}": program for name, program in indexed.programs.items()},
    **{f"loop: {name}": program for name, program in loops.items()},
}


def every_form(f, args):
    for language in ("en", "zh"):
        derivation = mp.explain(f, *args, language=language)
        yield derivation.latex()
        yield derivation.latex(unfold=True)
    found = mp.derive(f, *args)
    yield found.latex()
    yield found.latex(indexed=True)


@pytest.mark.parametrize("name", programs)
def test_programs_are_written_in_latex_that_can_be_read(name):
    for text in every_form(*programs[name]):
        Grammar(text)


@pytest.mark.parametrize("name", [name for name, one in registry.items() if one.example is not None])
def test_operations_are_written_in_latex_that_can_be_read(name):
    draws = np.random.default_rng(5)
    xs, params = registry[name].example(draws)
    xs = [np.asarray(x) for x in xs]
    gives = registry[name].shape(*(ArrayType(x.shape, x.dtype) for x in xs), **params)
    weights = [draws.normal(size=one.shape) for one in (gives if isinstance(gives, tuple) else (gives,))]
    for text in every_form(derived.weighed(name, params), (weights, *xs)):
        Grammar(text)


names = [
    "x",
    "w1",
    "h[t−1]",
    "hidden.weight",
    "a_b",
    "_x",
    "x_1",
    "λ_2",
    "变量",
    "layers.0",
    "β",
    "x2[t]",
    "a%b",
    "v1.2",
]


@pytest.mark.parametrize("name", names)
def test_any_name_can_be_read_with_a_script(name):
    Grammar(latex(Script(Name(name), Places("i,2·j+1−k,y2[k],labels[i]"), Name("⊤"))))


@pytest.mark.parametrize(
    "words", ["50 % of a_b", "4 × sin", "t−1", "x → y", r"C:\net.py", "a^b ~ {c} #1 $2 & d", "循环"]
)
def test_any_words_can_be_read(words):
    Grammar(latex(Words(words)))


broken = [
    "{x", "x}", "x_1_2", "x^{a}^{b}", r"\frac{a}", r"\left( x", r"x \right)", r"\begin{align*} x", "a & b", "x − y",
    r"\text{a_b}", r"\text{4 × 2}", r"\nosuch x", "a # b", r"\left< x \right>",
]  # fmt: skip


@pytest.mark.parametrize("text", broken)
def test_the_grammar_refuses_what_processors_refuse(text):
    with pytest.raises(ValueError, match=":"):
        Grammar(text)
