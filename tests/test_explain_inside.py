"""What happens inside loops, branches and functions that are called: the gradients around them, step by step."""

import re

import numpy as np
import pytest

import maplet as mp
from loop_programs import backwards, chosen, customized, normal, programs, recurrent, until_large, weights
from maplet.errors import SettingError
from maplet.explain.inside import Inside
from maplet.explain.rules import nested, rule_of
from maplet.explain.unrolled import programs_inside, sections

every_program = pytest.mark.parametrize("name", programs)


def all_inside(derivation):
    """Every program inside, and those inside of their steps."""
    for one in programs_inside(derivation.steps):
        inside = Inside(one)
        yield inside
        for t in range(len(inside)):
            yield from all_inside(inside.derivation(t if inside.is_loop else None))


@every_program
def test_the_steps_add_up_to_the_gradient_around_them(name):
    f, args = programs[name]
    found = list(all_inside(mp.explain(f, *args)))
    assert found
    for inside in found:
        steps = [inside.derivation(t if inside.is_loop else None) for t in range(len(inside))]
        constants, end = inside.constants, inside.constants + inside.carries
        sent = inside.node.sent[1:] if inside.node.operation == "switch" else inside.node.sent
        for n, around in enumerate(sent):
            gradients = [step.leaves[n].cotangent for step in steps]
            if around is None:
                continue
            if n < constants or not inside.is_loop:
                expected = np.sum(gradients, axis=0)
            elif n < end:
                expected = gradients[-1 if inside.reverse else 0]
            else:
                expected = np.stack(gradients)
            np.testing.assert_allclose(around, expected, rtol=1e-5, atol=1e-7)


@every_program
def test_what_goes_in_and_out_is_what_the_node_around_it_has(name):
    f, args = programs[name]
    for inside in all_inside(mp.explain(f, *args)):
        last = inside.derivation()
        outputs = [last.values[node] for node in inside.both.program.outputs]
        around = inside.node.value
        for n, value in enumerate(outputs):
            whole = around[n] if isinstance(around, tuple) else around
            row = (0 if inside.reverse else -1) if inside.is_loop and n >= inside.carries else ...
            if n < len(around):
                np.testing.assert_allclose(value, whole[row], rtol=1e-6)


@every_program
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_program_inside_is_shown_in_every_form(name, language):
    f, args = programs[name]
    derivation = mp.explain(f, *args, language=language)
    text, latex, html = derivation.text(), derivation.latex(), derivation.html()
    for one in programs_inside(derivation.steps):
        words = f"{one.name} 的内部" if language == "zh" else f"inside of {one.name}"
        for form in (text, latex.replace(r"\_", "_"), html):
            assert words in form
        for section in sections(Inside(one)):
            assert section.title in text
            assert all(len(row) == len(section.heads) for row in section.rows)
    inner = derivation.inside(programs_inside(derivation.steps)[0].name)
    assert inner.html().startswith("<!doctype html>")
    assert inner.mermaid().startswith("flowchart")
    assert inner.latex().count(r"\begin{align*}") >= 2


def test_every_kind_of_program_has_its_rule():
    kinds = {one.operation: rule_of(one) for f, args in programs.values() for one in mp.explain(f, *args).steps}
    assert {name: kinds[name] for name in nested} == nested


def test_backpropagation_through_time_reads_like_a_textbook():
    lines = mp.explain(recurrent, *weights).text().splitlines()
    for expected in (
        "inside of v1: a loop of 4 steps, t = 0 … 3",
        "    z = v1.1 + v1.2",
        "    h[t] = tanh z",
        "    ∂loss/∂h[t] = ∂loss/∂out[t] Vᵀ + from step t+1",
        "    ∂loss/∂z = ∂loss/∂h[t]·(1 − h[t]²)",
        "    ∂loss/∂h[t−1] = ∂loss/∂v1.1 Wᵀ",
        "    ∂loss/∂W = Σ[t] h[t−1]ᵀ ∂loss/∂v1.1",
    ):
        assert any(line.startswith(expected) for line in lines), expected
    last = mp.explain(recurrent, *weights).inside("v1").text()
    assert "∂loss/∂h[t] = ∂loss/∂out[t] Vᵀ + ∂loss/∂last" in last  # nothing comes after the last step


def test_a_loop_backwards_hands_on_to_the_step_before():
    text = mp.explain(backwards, *weights).text()
    assert "h[t] = tanh z" in text
    assert "v1.1 = h[t+1] W" in text
    assert "from step t−1" in text


def test_a_while_loop_has_the_steps_that_it_made():
    derivation = mp.explain(until_large, 2.0, 1.5)
    assert "inside of v1: a loop of 5 steps, t = 0 … 4" in derivation.text()
    assert derivation["v1"].operation == "while_loop"
    values = [float(derivation.inside("v1", t)["a[t]"].value) for t in range(5)]
    assert values == [4.0, 7.0, 11.5, 18.25, 28.375]
    none = mp.explain(until_large, 30.0, 1.5)
    assert "a loop without a step" in none.text()
    with pytest.raises(SettingError, match="the loop makes no step here"):
        none.inside("v1")


def test_the_gradient_of_a_custom_gradient_is_what_its_author_wrote():
    inner = mp.explain(customized, np.asarray([1.0]), np.asarray([2.0])).inside("v1")
    lines = inner.text().splitlines()
    assert any(re.match(r"  ∂loss/∂x = tanh ∂loss/∂\w+·w", line) for line in lines)
    np.testing.assert_allclose(inner["x"].cotangent, np.tanh([4.0]) * 2.0)
    assert inner.chain("x")[-1].name == "x"


def test_a_loop_without_a_gradient_shows_its_values():
    def f(x):
        total, _ = mp.scan(lambda n, _: (n + 1, None), 0, length=3)
        return x * total.astype(x.dtype)

    derivation = mp.explain(f, 2.0)
    text = derivation.text()
    assert "n[t] = n[t−1] + 1" in text
    assert "through time" not in text
    assert derivation.inside("v1", -1)["n[t]"].value == 3


def test_what_has_nothing_inside_or_no_such_step_is_refused():
    derivation = mp.explain(chosen, np.ones(2), np.ones(2))
    with pytest.raises(SettingError, match="has no program inside"):
        derivation.inside("x")
    name = programs_inside(derivation.steps)[0].name
    with pytest.raises(SettingError, match=r"there is no step 0, it has no steps"):
        derivation.inside(name, 0)
    with pytest.raises(SettingError, match=r"there is no step 4, it has 4 steps"):
        mp.explain(recurrent, *weights).inside("v1", 4)


def test_of_a_long_loop_the_first_and_the_last_steps_are_shown():
    def f(w, xs):
        end, _ = mp.scan(lambda h, x: (mp.tanh(w * h + x), None), 0.0, xs)
        return end

    lines = mp.explain(f, 0.5, normal(100)).text().splitlines()
    numbers = [line.split()[0] for line in lines if re.match(r"    (\d+|…) ", line)]
    assert numbers[:13] == [*map(str, range(6)), "…", *map(str, range(94, 100))]
    assert numbers[13:] == numbers[12::-1]


def test_a_value_that_is_handed_on_and_given_out_has_the_name_of_its_variable():
    def f(w, xs):
        def step(h, x):
            h = mp.tanh(w * h + x)
            return h, h

        last, every = mp.scan(step, w, xs)
        return last + mp.sum(every)

    lines = mp.explain(f, np.asarray(0.5), normal(3)).text().splitlines()
    assert "    h[t] = tanh v1.2" in lines
    assert not any(re.search(r"(^|[ (∂])h( |$)", line) for line in lines)


@pytest.mark.parametrize(("language", "said"), [("en", ("true", "false")), ("zh", ("真", "假"))])
def test_of_a_branch_it_is_said_what_the_condition_was(language, said):
    def by_formula(w, x):
        return mp.cond(x > 1.0, lambda w: w * w, lambda w: -w, w)

    def by_variable(w, x):
        large = mp.any(x > 1.0)
        return mp.cond(large, lambda w: w * w, lambda w: -w, w)

    def in_a_loop(w, x):
        def step(h, x):
            return mp.cond(x > 1.0, lambda h: h * w, lambda h: -h, h), None

        return mp.scan(step, w, mp.reshape(x, (1,)))[0]

    for x, word in zip((2.0, 0.5), said, strict=True):
        for f, called in ((by_formula, "x > 1"), (by_variable, "large")):
            shown = mp.explain(f, 3.0, x, language=language).text()
            assert re.search(rf"{called} (is |为){word}$", shown, re.MULTILINE)
        around = mp.explain(in_a_loop, 3.0, x, language=language)
        inner = around.inside(programs_inside(around.steps)[0].name)
        assert re.search(rf"x\[t\] > 1 (is |为){word}$", inner.text(), re.MULTILINE)
        constant = mp.explain(lambda w, c=x > 1: mp.cond(c, mp.sin, mp.cos, w), 3.0, language=language).text()
        assert re.search(rf"(the condition is|条件 为) ?{word}$", constant, re.MULTILINE)


def test_of_a_switch_its_number():
    shown = mp.explain(lambda w, n: mp.switch(n, [mp.sin, mp.cos, mp.exp], w), 3.0, 2).text()
    assert "the branch that was taken: number 2 of 0 … 2" in shown


@pytest.mark.parametrize("form", ["text", "latex", "mermaid", "html"])
def test_a_loop_over_nothing_hands_on_what_it_is_given(form):
    def over_rows(w, xs):
        last, every = mp.scan(lambda h, x: (h * w + x, h), w * 2.0, xs)
        return w * last + mp.sum(every)

    def counted(w, xs):
        return mp.fori_loop(0, xs.shape[0], lambda _, h: mp.sin(h), w * 2.0) * w

    for f in (over_rows, counted):
        derivation = mp.explain(f, np.asarray(3.0), np.zeros(0))
        assert derivation.gradients()["w"] == 12.0
        assert getattr(derivation, form)()
        (loop,) = programs_inside(derivation.steps)
        for step in (None, 0, -1):
            with pytest.raises(SettingError, match="the loop makes no step here"):
                derivation.inside(loop.name, step)
        scope = {}
        exec(mp.derive(f, np.asarray(3.0), np.zeros(0)).numpy(), scope)
        assert scope["gradients"](3.0)["w"] == 12.0
