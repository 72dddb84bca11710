"""Every layer is explained in every form, and where its gradient has NumPy code, the code gives the same numbers."""

import json
import re

import numpy as np
import pytest

import maplet as mp
from layer_examples import cases
from maplet import nn
from maplet.errors import SettingError
from maplet.nn.activations import activations
from test_explain_derive import run


def loss(layer, xs):
    out = layer(*xs) if isinstance(xs, tuple) else layer(xs)
    leaves = mp.core.tree.leaves(mp.core.recording.as_tree(out)).values()
    return sum((mp.mean(leaf**2) for leaf in leaves if leaf.dtype.kind == "f"), start=mp.asarray(0.0))


def agree(derivation, gradients):
    """Whether the code of the gradients gives those of the derivation; only where numbers are drawn there is none."""
    try:
        code = gradients.numpy()
    except SettingError as error:
        if "NumPy has no random_bits" not in error.message:
            raise
        return False
    with np.errstate(all="ignore"):
        found = run(code, derivation)
    for name, value in found.items():
        expected = derivation.gradients()[name]
        assert value.shape == expected.shape
        np.testing.assert_allclose(value, expected, rtol=2e-4, atol=1e-5)
    return True


def chains_end_at_the_loss(derivation):
    """Whatever has a gradient reaches the loss, through loops and branches too."""
    found = [leaf for leaf in derivation.leaves if leaf.cotangent is not None and leaf.cotangent.any()]
    return all(derivation.chain(leaf.name)[0] is derivation.loss for leaf in found)


plain = [name for name, kind in activations.items() if kind not in (nn.GLU, nn.PReLU)]


@pytest.mark.parametrize("name", plain)
def test_the_code_of_an_activation_gives_its_gradient(name):
    x = np.linspace(-3.3, 2.9, 12).reshape(3, 4)
    f = lambda x: mp.mean(activations[name]()(x) ** 2)
    assert agree(mp.explain(f, x), mp.derive(f, x))


@pytest.mark.slow
@pytest.mark.parametrize(("make", "x"), cases)
def test_every_layer_in_every_form(make, x):
    derivation = mp.explain(loss, layer := make(), x)
    for unfold in (False, True):
        assert derivation.text(unfold=unfold)
        assert derivation.latex(unfold=unfold)
        assert derivation.mermaid(unfold=unfold)
        assert derivation.html(unfold=unfold)
    gradients = mp.derive(loss, layer, x)
    assert gradients.text(indexed=True).count("\n") == gradients.text().count("\n")
    assert chains_end_at_the_loss(derivation)
    draws = any(step.operation == "random_bits" for step in derivation.steps)
    assert agree(derivation, gradients) or draws


def test_a_first_state_is_not_called_like_the_result_of_its_layer():
    net = nn.Sequential(nn.LSTM(2, 3, rng=0), nn.FinalOutput())
    derivation = mp.explain(lambda net, x: mp.sum(net(x)), net, np.ones((1, 2, 2), np.float32))
    called = [step for step in derivation.steps if step.name.startswith("layers.0") and "cells" not in step.name]
    assert [step.name for step in called] == ["layers.0"]
    assert derivation["layers.0"].cotangent.any()


programs = {
    "a loop": lambda w: mp.scan(lambda h, x: (mp.tanh(w[0] * h + x), h * x), w[1], mp.ones(3))[0],
    "rows of a loop": lambda w: mp.sum(mp.scan(lambda h, x: (h * x, h * w[0]), w[1], mp.ones(3))[1]),
    "a branch": lambda w: mp.cond(w[0] > 0, lambda w: mp.sum(w**2), mp.sum, w),
    "a checkpoint": mp.checkpoint(lambda w: mp.sum(mp.sin(w))),
    "several results": lambda w: mp.sum(mp.linalg.eigh(w[:, None] * w)[0]),
    "a normalization": lambda w: mp.sum(nn.LayerNorm(2)(w) ** 2),
}


@pytest.mark.parametrize("name", programs)
def test_the_chain_of_derivatives_goes_through_loops_and_branches(name):
    derivation = mp.explain(programs[name], mp.asarray([0.5, 2.0]))
    assert chains_end_at_the_loss(derivation)
    after = json.loads(re.search(r"\{\"after\": .*?\}", derivation.html())[0])
    reached = {after["loss"]}
    for _ in after["after"]:  # against the arrows, from the loss
        reached |= {n for n, users in enumerate(after["after"]) if reached.intersection(users)}
    with_gradient = {n for n, leaf in enumerate(derivation.leaves) if leaf.cotangent is not None}
    assert with_gradient <= reached
    rules = {step.name: step.rule for step in derivation.steps if step.cotangent is not None and step.sent}
    assert not any("No gradient flows" in rule for rule in rules.values()), rules
