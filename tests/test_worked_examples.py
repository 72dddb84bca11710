"""Backpropagation worked out on paper by others, against the graph: every number, not only the last.

The two 2-2-1 networks are those of sections 4.5.1 and 4.5.2 of the Chinese article
一切皆是映射：深度学习中的反向传播和梯度下降
("Everything is a mapping: backpropagation and gradient descent in deep learning"). Its arithmetic goes astray from the
first line on, so its figures cannot be expected here: beside each number stands what the article has instead.
"""

import json
from math import exp, log

import numpy as np
import pytest

import maplet as mp
from maplet.core.graph import Graph


@pytest.fixture
def published(shared):
    """One of the JSON files of worked examples, by name."""
    return lambda name: json.loads(shared(f"worked_examples/{name}").read_text(encoding="utf-8"))


def array(numbers):
    return np.asarray(numbers, np.float64)


def backpropagation(f, parameters, *data):
    """The four stages of one step for ``f(parameters, *data) → (loss, {name: intermediate})``.

    → loss, intermediates, deltas ∂L/∂intermediate, gradients ∂L/∂parameter. Nothing is differentiated here: the deltas
    are nodes of the backward graph, which its trail finds.
    """
    _, named = f(parameters, *data)
    forward = mp.trace(f, parameters, *data)
    backward, trail = mp.gradient(forward, wrt=range(len(parameters)))
    deltas = {name: trail.cotangents[node] for name, node in zip(named, forward.outputs[1:], strict=True)}
    program = Graph(backward.inputs, (*backward.outputs, *deltas.values()))
    loss, *numbers = (np.asarray(n) for n in mp.evaluate(program, parameters, *data, array(1.0)))
    count = len(named)
    intermediates, gradients, cotangents = numbers[:count], numbers[count:-count], numbers[-count:]
    return (
        float(loss),
        dict(zip(named, intermediates, strict=True)),
        dict(zip(named, cotangents, strict=True)),
        dict(zip(parameters, gradients, strict=True)),
    )


# ── the two 2-2-1 networks of the article ────────────────────────────────────────────────────────

# x = (1, 2); hidden units (w₁₁ w₁₂ b₁) = (0.1 0.2 0.5) and (w₂₁ w₂₂ b₂) = (0.4 0.5 0.6), output (w₃₁ w₃₂ b₃) =
# (0.7 0.8 0.9); all three are sigmoid; α = 0.01. A column of W belongs to a unit: z = x W + b.
X = array([1, 2])
NETWORK = {"W": array([[0.1, 0.4], [0.2, 0.5]]), "b": array([0.5, 0.6]), "V": array([[0.7], [0.8]]), "c": array([0.9])}
LEARNING_RATE = 0.01


def network(loss):
    def run(p, x, y):
        z = x @ p["W"] + p["b"]
        a = mp.sigmoid(z)
        z3 = a @ p["V"] + p["c"]
        prediction = mp.sigmoid(z3)
        return loss(prediction, y), {"z": z, "a": a, "z3": z3, "prediction": prediction}

    return run


def squared_error(prediction, y):
    return mp.mean((y - prediction) ** 2)


def cross_entropy(prediction, y):
    """The article's two outputs are ŷ and 1 − ŷ, its two labels y and 1 − y."""
    return -mp.sum(y * mp.log(prediction) + (1 - y) * mp.log(1 - prediction))


def forward_by_hand():
    """The article goes wrong in each line; what it has stands behind."""
    z1 = 0.1 * 1 + 0.2 * 2 + 0.5  # = 1.0, not 1.1: a slip in adding up
    z2 = 0.4 * 1 + 0.5 * 2 + 0.6  # = 2.0, not 1.6: the same
    a1 = 1 / (1 + exp(-z1))  # = 0.7311, 0.7 to one digit
    a2 = 1 / (1 + exp(-z2))  # = 0.8808, not 0.8
    z3 = 0.7 * a1 + 0.8 * a2 + 0.9  # = 2.1164, not 2.5: the article feeds x into the output layer, not a
    prediction = 1 / (1 + exp(-z3))  # = 0.8925; 0.88 in the article, and 0.63 further down
    return z1, z2, a1, a2, z3, prediction


def backward_by_hand(delta3):
    """From δ₃ = ∂L/∂z₃ to the gradients and the new weights; the same for both losses."""
    _, _, a1, a2, _, _ = forward_by_hand()
    # δᵢ = δ₃ · w₃ᵢ · σ′(zᵢ), and σ′ = a (1 − a). The article leaves out the factor a, takes w₃₁ for unit 2, and
    # computes δ₁ from δ₂, as if the two hidden units stood one behind the other.
    delta1 = delta3 * 0.7 * a1 * (1 - a1)
    delta2 = delta3 * 0.8 * a2 * (1 - a2)
    # ∂L/∂w = δ · (what came in); the article leaves that factor out of the output weights.
    gradients = {
        "W": array([[delta1 * 1, delta2 * 1], [delta1 * 2, delta2 * 2]]),
        "b": array([delta1, delta2]),
        "V": array([[delta3 * a1], [delta3 * a2]]),
        "c": array([delta3]),
    }
    # w ← w − α ∂L/∂w. The article has 0.7 − 0.01 · 0.0144 = 0.6856, which is 0.7 − 0.0144: it forgets α.
    new = {
        "W": array([[0.1 - 0.01 * delta1, 0.4 - 0.01 * delta2], [0.2 - 0.02 * delta1, 0.5 - 0.02 * delta2]]),
        "b": array([0.5 - 0.01 * delta1, 0.6 - 0.01 * delta2]),
        "V": array([[0.7 - 0.01 * delta3 * a1], [0.8 - 0.01 * delta3 * a2]]),
        "c": array([0.9 - 0.01 * delta3]),
    }
    return array([delta1, delta2]), gradients, new


def compare(run, y, loss_by_hand, delta3):
    z1, z2, a1, a2, z3, prediction = forward_by_hand()
    hidden_deltas, gradients_by_hand, new_by_hand = backward_by_hand(delta3)
    loss, values, deltas, gradients = backpropagation(run, NETWORK, X, y)
    same = pytest.approx
    assert loss == same(loss_by_hand, rel=1e-14)
    assert values["z"] == same(array([z1, z2]), rel=1e-14)
    assert values["a"] == same(array([a1, a2]), rel=1e-14)
    assert values["z3"] == same(array([z3]), rel=1e-14)
    assert values["prediction"] == same(array([prediction]), rel=1e-14)
    assert deltas["z3"] == same(array([delta3]), rel=1e-12)
    assert deltas["z"] == same(hidden_deltas, rel=1e-12)
    for name, weights in NETWORK.items():
        assert gradients[name] == same(gradients_by_hand[name], rel=1e-12)
        assert weights - LEARNING_RATE * gradients[name] == same(new_by_hand[name], rel=1e-12)


def test_two_two_one_with_squared_error():
    # The label is 3, which a sigmoid cannot reach; the article goes on with (y − ŷ) = 0.12, as if it were 1.
    *_, prediction = forward_by_hand()
    loss = (3 - prediction) ** 2
    # δ₃ = ∂L/∂ŷ · σ′(z₃) = 2 (ŷ − y) · ŷ (1 − ŷ) = −0.4045. The article has (y − ŷ)(1 − ŷ) = +0.0144: no factor 2, no
    # factor ŷ, and the wrong sign, so that its step climbs.
    delta3 = 2 * (prediction - 3) * prediction * (1 - prediction)
    assert delta3 == pytest.approx(-0.4045, abs=5e-5)
    compare(network(squared_error), array([3]), loss, delta3)


def test_two_two_one_with_cross_entropy():
    *_, prediction = forward_by_hand()
    loss = -log(prediction)  # the labels are (1, 0)
    # δ₃ = ŷ − y = −0.1075: for sigmoid and cross-entropy together ŷ(1 − ŷ) cancels. The article has
    # 0.37 · (1 − 0.63) + 0.63 · (1 − 0.37) = 0.1107; that sum is 0.5338, and the sign is wrong again.
    delta3 = prediction - 1
    assert delta3 == pytest.approx(-0.1075, abs=5e-5)
    compare(network(cross_entropy), array([1]), loss, delta3)


def test_the_step_descends_and_that_of_the_article_climbs():
    for loss, y in ((squared_error, 3), (cross_entropy, 1)):
        run = network(loss)
        before, _, _, gradients = backpropagation(run, NETWORK, X, array([y]))
        for sign in (1, -1):
            moved = {name: weights - sign * LEARNING_RATE * gradients[name] for name, weights in NETWORK.items()}
            assert sign * (before - float(run(moved, X, array([y]))[0])) > 0


# ── the 2-2-2 network of Matt Mazur ──────────────────────────────────────────────────────────────


def mazur(p, inputs, targets):
    net_h = inputs @ p["W"] + p["b1"]
    out_h = mp.sigmoid(net_h)
    net_o = out_h @ p["V"] + p["b2"]
    out_o = mp.sigmoid(net_o)
    errors = 0.5 * (targets - out_o) ** 2
    return mp.sum(errors), {"net_h": net_h, "out_h": out_h, "net_o": net_o, "out_o": out_o, "E_o": errors}


@pytest.fixture
def example(published):
    return published("sigmoid_2_2_2.json")


def mazur_start(example):
    """The published start: w₁ … w₄ and w₅ … w₈ stand row by row and unit by unit, W has a column per unit."""
    w = example["initial"]
    parameters = {
        "W": array([[w["w1"], w["w3"]], [w["w2"], w["w4"]]]),
        "b1": array(w["b1"]),
        "V": array([[w["w5"], w["w7"]], [w["w6"], w["w8"]]]),
        "b2": array(w["b2"]),
    }
    return parameters, array(list(example["inputs"].values())), array(list(example["targets"].values()))


def mazur_step(example):
    """Every figure of the first step under its published name."""
    parameters, inputs, targets = mazur_start(example)
    loss, values, _, gradients = backpropagation(mazur, parameters, inputs, targets)
    found = {"E_total": loss, "dE_db1": gradients["b1"], "dE_db2": gradients["b2"]}
    found |= {f"{name}{n + 1}": value[n] for name, value in values.items() for n in range(2)}
    for first, layer in ((1, "W"), (5, "V")):
        for number in range(4):
            place, name = divmod(number, 2)[::-1], f"w{first + number}"
            found[f"dE_d{name}"] = gradients[layer][place]
            found[f"{name}_new"] = parameters[layer][place] - example["learning_rate"] * gradients[layer][place]
    return found


def test_two_two_two_step_by_step(example):
    found = mazur_step(example)
    exact = {name: value for name, value in example["recomputed_float64"].items() if "_after_" not in name}
    assert len(exact) == 29
    assert {name: found[name] for name in exact} == pytest.approx(exact, abs=5e-10)
    rounded = example["published_rounded"]
    assert {name: found[name] for name in rounded} == pytest.approx(rounded, abs=1e-8)


@pytest.mark.slow
def test_two_two_two_after_ten_thousand_steps(example):
    """The backward graph is a program: traced once, run ten thousand times."""
    parameters, inputs, targets = mazur_start(example)
    forward = mp.trace(lambda p, x, y: mazur(p, x, y)[0], parameters, inputs, targets)
    step, _ = mp.gradient(forward, wrt=[0, 2])
    exact = example["recomputed_float64"]
    for number in range(10_000):
        loss, *gradients = mp.evaluate(step, parameters, inputs, targets, array(1.0))
        if number == 1:
            assert float(loss) == pytest.approx(exact["E_total_after_1_update"], abs=5e-10)
        for name, gradient in zip(("W", "V"), gradients, strict=True):  # the biases stay, as in the article
            parameters[name] = parameters[name] - example["learning_rate"] * gradient
    loss, values = mazur(parameters, inputs, targets)
    assert float(loss) == pytest.approx(exact["E_total_after_10000_updates"], abs=5e-15)
    assert float(values["out_o"][0]) == pytest.approx(exact["out_o1_after_10000_updates"], abs=5e-10)
    assert float(values["out_o"][1]) == pytest.approx(exact["out_o2_after_10000_updates"], abs=5e-10)


# ── the scalar graphs of micrograd ───────────────────────────────────────────────────────────────


def readme(a, b):
    c = a + b
    d = a * b + b**3
    c = c + (c + 1)
    c = c + (1 + c + (-a))
    d = d + (d * 2 + mp.relu(b + a))
    d = d + (3 * d + mp.relu(b - a))
    e = c - d
    f = e**2
    g = f / 2
    return g + 10 / f


def sanity_check(x):
    z = 2 * x + 2 + x
    q = mp.relu(z) + z * x
    h = mp.relu(z * z)
    return h + q + q * x


@pytest.mark.parametrize("f", [readme, sanity_check])
def test_values_that_are_used_several_times_add_up(f, published):
    example = next(e for e in published("scalar_graphs.json")["examples"] if e["id"] == f.__name__)
    inputs, output = example["inputs"], example["output"]
    value, gradients = mp.value_and_grad(f, argnums=range(len(inputs)))(*map(array, inputs.values()))
    found = {output: float(value)}
    found |= {f"d{output}_d{name}": float(g) for name, g in zip(inputs, gradients, strict=True)}
    assert found == pytest.approx(example["recomputed_float64"], rel=1e-14)
