"""`mp.explain` as data: it says what `grad` computes, for every node, in the user's own names."""

import json
import re
import subprocess
import sys
from functools import reduce
from pathlib import Path

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.errors import GradientError, SettingError, ShapeError, TraceError
from maplet.explain.picture import boxes
from maplet.explain.print_text import text


def array(numbers):
    return np.asarray(numbers, np.float64)


def classifier(net, x, y):
    logits = net(x)
    return nn.cross_entropy(logits, y)


def classified():
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))
    return classifier, (net, np.linspace(-1, 1, 15, dtype=np.float32).reshape(5, 3), np.asarray([0, 1, 1, 0, 1]))


def of_several():
    def f(a):
        values, vectors = mp.linalg.eigh(a @ a.T)
        return mp.sum(values**2) + mp.sum(vectors[0] ** 2)

    return f, (array([[1.0, 2.0], [0.5, -1.0]]),)


def looped():
    def f(w, xs):
        carry, ys = mp.scan(lambda c, x: (mp.tanh(c * w + x), c), 0.0, xs)
        return carry + mp.sum(ys)

    return f, (array(0.5), array([1.0, 2.0, 3.0]))


programs = {"classified": classified, "of_several": of_several, "looped": looped}


@pytest.mark.parametrize("name", programs)
def test_the_cotangent_of_a_node_is_the_sum_of_what_its_uses_send(name):
    f, args = programs[name]()
    derivation = mp.explain(f, *args)
    seen = 0
    for one in (*derivation.leaves, *derivation.steps):
        received = [sent for _, _, sent in one.received()]
        if received and one.cotangent is not None:
            np.testing.assert_allclose(sum(received), one.cotangent, rtol=1e-5, atol=1e-7)
            seen += 1
    assert seen > 1
    assert derivation.loss.cotangent == 1


@pytest.mark.parametrize("name", programs)
def test_the_gradients_are_those_of_grad(name):
    f, args = programs[name]()
    derivation = mp.explain(f, *args)
    expected = mp.grad(f)(*args)
    for path, leaf in expected.items() if isinstance(expected, dict) else [(derivation.leaves[0].name, expected)]:
        np.testing.assert_array_equal(derivation.gradients()[path], leaf.numpy())
    assert derivation.loss.value == f(*args).numpy()


@pytest.mark.parametrize("name", programs)
def test_an_elementwise_node_sends_its_cotangent_times_the_local_derivative(name):
    f, args = programs[name]()
    seen = 0
    for one in mp.explain(f, *args).steps:
        for n, sent in enumerate(one.sent):
            local = None if sent is None else one.local(n)
            if local is not None and sent.shape == local.shape:
                np.testing.assert_allclose(one.cotangent * local, sent, rtol=1e-5, atol=1e-7)
                seen += 1
    assert seen


def test_names_are_those_of_the_user():
    f, args = classified()
    derivation = mp.explain(f, *args)
    assert [leaf.name for leaf in derivation.leaves] == [
        "layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias", "x", "y",
    ]  # fmt: skip
    assert derivation["layers.1"].operation == "tanh"
    assert derivation["layers.0"].operation == "add"
    assert derivation["logits"].place.startswith("test_explain_derivation.py:")
    assert derivation["loss"] is derivation.loss
    assert derivation["logits"].origin.layer == "layers.2"
    with pytest.raises(SettingError, match="nothing called 'hiden'"):
        derivation["hiden"]


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ("p = w * x; return (p - y) ** 2", []),
        ("p = (w *\n     x); return (p - y) ** 2", []),
        ("p = w * x; q = p - y; return q ** 2", []),
        ("if True: p = w * x\n    return (p - y) ** 2", ["p"]),
        ("for _ in range(2): p = w * x\n    return (p - y) ** 2", []),
        ("p = w * x\n    return (p - y) ** 2", ["p"]),
        ("p = (w *\n     x)\n    d = p - y; return d ** 2", ["p"]),
        ("p, q = w * x, y + y\n    return (p - q * y) ** 2", ["p", "q"]),
        ("p, (q, r) = w * x, (y, y)\n    return (p - q * r) ** 2", []),
        ("p, q = w * x, y\n    return (p - q) ** 2", []),  # q is y
        ("p, q = w * x, y + 1 * 1\n    return (p - q) ** 2", []),  # one of the operations is Python's
    ],
)
def test_a_name_of_a_line_is_that_of_the_value_assigned(tmp_path, lines, names):
    """Of several statements on one line it is not known which of them made a node, and none of them names it."""
    file = tmp_path / "lines.py"
    file.write_text(f"def f(w, x, y):\n    {lines}\n")
    scope = {}
    exec(compile(file.read_text(), str(file), "exec"), scope)
    derivation = mp.explain(scope["f"], 1.0, 2.0, 1.0)
    assert [step.name for step in derivation.steps if not step.is_numbered] == [*names, "loss"]
    assert all(derivation[name].value == 2.0 for name in names)


def test_a_record_says_all_that_is_known_of_a_node():
    derivation = mp.explain(lambda x, w: mp.sigmoid(x * w), array(0.5), array(2.0), language="zh")
    step = derivation.steps[0]
    shown = map(text, (step.formula, step.formula_with_numbers, step.cotangent_formula))
    assert list(shown) == ["x·w", "0.5·2", "∂loss/∂loss·loss·(1 − loss)"]
    assert (step.operands, step.value, step.local(0), step.local(1)) == (("x", "w"), 1.0, 2.0, 0.5)
    assert step.sent == (step.cotangent * 2.0, step.cotangent * 0.5)
    assert step.rule == "链式法则：传入的梯度乘以局部导数。"


def test_a_name_that_comes_again_gets_a_number_and_captured_parameters_keep_theirs():
    net = nn.Linear(2, 1, rng=0)

    def f(x):
        for _ in range(3):
            y = mp.sin(x)
            x = y * 2.0
        return mp.sum(net(x))

    derivation = mp.explain(f, array([1.0, 2.0]).astype(np.float32))
    assert [one.name for one in (*derivation.leaves, *derivation.steps)][:9] == [
        "x", "weight", "bias", "y", "x_2", "y_2", "x_3", "y_3", "x_4",
    ]  # fmt: skip


def test_arrays_of_numpy_from_outside_keep_their_names():
    data, targets, others = np.ones((30, 2)), np.arange(30.0), np.zeros(30)  # few numbers would be constants
    derivation = mp.explain(lambda w: mp.sum((data @ w - targets + others) ** 2), np.ones(2))
    assert {leaf.name for leaf in derivation.leaves} == {"w", "data", "targets", "others"}


def test_the_room_and_the_function_share_a_name():
    """Python binds a package that is imported to its name, here that of a function."""
    before = mp.explain(lambda x: x * x, 2.0).loss.value
    import maplet.explain.reference

    assert mp.explain(lambda x: x * x, 2.0).loss.value == before == 4.0
    assert maplet.explain.reference.page
    program = "import maplet.explain.svg, maplet as mp; print(mp.explain(lambda x: x * x, 2.0).loss.value)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "4.0\n"


def test_the_chain_leads_from_the_loss_to_the_node():
    f, args = classified()
    chain = mp.explain(f, *args).chain("layers.0.weight")
    assert chain[0].name == "loss"
    assert [one.name for one in chain[-4:]] == ["layers.1", "layers.0", "v1", "layers.0.weight"]
    assert "layers.2.weight" not in [one.name for one in chain]


def test_explaining_changes_nothing():
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm(4), nn.Dropout(0.5, rng=0))
    x = np.linspace(0, 1, 18, dtype=np.float32).reshape(6, 3)
    before = {name: leaf.numpy().copy() for name, leaf in mp.core.tree.leaves(net).items()}
    first = mp.explain(lambda net: mp.mean(net(x) ** 2), net)
    second = mp.explain(lambda net: mp.mean(net(x) ** 2), net)
    assert first.loss.value == second.loss.value
    for name, leaf in mp.core.tree.leaves(net).items():
        np.testing.assert_array_equal(leaf.numpy(), before[name])


# ── worked examples of others ────────────────────────────────────────────────────────────────────


@pytest.fixture
def published(shared):
    return lambda name: json.loads(shared(f"worked_examples/{name}").read_text(encoding="utf-8"))


def two_two_two(w1, w2, w3, w4, w5, w6, w7, w8, b1, b2, i1, i2, t1, t2):  # noqa: PLR0917  (the example has so many)
    net_h1 = w1 * i1 + w2 * i2 + b1
    net_h2 = w3 * i1 + w4 * i2 + b1
    out_h1 = mp.sigmoid(net_h1)
    out_h2 = mp.sigmoid(net_h2)
    net_o1 = w5 * out_h1 + w6 * out_h2 + b2
    net_o2 = w7 * out_h1 + w8 * out_h2 + b2
    out_o1 = mp.sigmoid(net_o1)
    out_o2 = mp.sigmoid(net_o2)
    E_o1 = 0.5 * mp.square(t1 - out_o1)
    E_o2 = 0.5 * mp.square(t2 - out_o2)
    E_total = E_o1 + E_o2
    return E_total  # noqa: RET504  (it has a name in the example)


def test_every_number_of_the_well_known_2_2_2_example_has_its_name_and_value(published):
    example = published("sigmoid_2_2_2.json")
    start = example["initial"] | example["inputs"] | {"t1": example["targets"]["o1"], "t2": example["targets"]["o2"]}
    order = two_two_two.__code__.co_varnames[:14]
    derivation = mp.explain(two_two_two, *[array(start[name]) for name in order])
    seen = 0
    for name, expected in example["recomputed_float64"].items():
        if name.startswith("dE_d"):
            found = derivation[name[4:]].cotangent
        elif name in {one.name for one in derivation.steps}:
            found = derivation[name].value
        else:
            continue
        assert found == pytest.approx(expected, rel=1e-12)
        seen += 1
    assert seen == 11 + 10


@pytest.mark.parametrize("number", [0, 1])
def test_values_that_are_used_several_times_add_up(published, number):
    example = published("scalar_graphs.json")["examples"][number]
    scope = {"relu": mp.relu}
    lines = "\n".join(f"    {line}" for line in example["statements"])
    exec(f"def f({', '.join(example['inputs'])}):\n{lines}\n    return {example['output']}", scope)
    derivation = mp.explain(scope["f"], *[array(x) for x in example["inputs"].values()])
    expected = example["recomputed_float64"]
    assert derivation.loss.value == pytest.approx(expected[example["output"]])
    for name in example["inputs"]:
        assert derivation[name].cotangent == pytest.approx(expected[f"d{example['output']}_d{name}"])


def test_the_update_of_the_2_2_2_example_and_what_it_is_worth(published):
    example = published("sigmoid_2_2_2.json")
    start = example["initial"] | example["inputs"] | {"t1": example["targets"]["o1"], "t2": example["targets"]["o2"]}
    order = two_two_two.__code__.co_varnames[:14]
    derivation = mp.explain(two_two_two, *[array(start[name]) for name in order])
    step = derivation.descend(example["learning_rate"], [f"w{n}" for n in range(1, 9)])
    expected = example["recomputed_float64"]
    for one in step.moved:
        assert one.after == pytest.approx(expected[f"{one.name}_new"], rel=1e-12)
    assert step.loss_after == pytest.approx(expected["E_total_after_1_update"], rel=1e-12)
    assert step.real == pytest.approx(step.predicted, rel=0.1)


# ── one step of descent ──────────────────────────────────────────────────────────────────────────


def test_the_first_order_prediction_is_met_as_the_step_grows_small():
    f, args = classified()
    derivation = mp.explain(f, *args)
    errors = []
    for rate in (1e-1, 1e-2):
        step = derivation.descend(rate)
        assert {one.name for one in step.moved} == {
            "layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias",
        }  # fmt: skip
        errors.append(abs(step.real / step.predicted - 1))
    assert errors[1] < 0.2 * errors[0] < 0.1
    assert "loss before: " in derivation.descend(0.1).text()


def test_a_step_that_cannot_be_taken_is_refused():
    derivation = mp.explain(lambda x, n: x**2 * n, 1.0, 2)
    with pytest.raises(SettingError, match="goes downhill"):
        derivation.descend(0.0)
    with pytest.raises(SettingError, match="nothing called 'n'"):
        derivation.descend(0.1, ["n"])
    counted = mp.explain(lambda x, n: x**2 * n, 1.0, np.asarray(2))
    with pytest.raises(SettingError, match="n has no gradient"):
        counted.descend(0.1, ["n"])


# ── bad input ────────────────────────────────────────────────────────────────────────────────────


def test_what_is_no_loss_is_refused():
    with pytest.raises(GradientError, match=r"returned shape \(3,\).*single number"):
        mp.explain(lambda x: x * 2, np.ones(3))
    with pytest.raises(GradientError, match="its loss is float"):
        mp.explain(lambda x: x.item(), 1.0)
    with pytest.raises(GradientError, match="is a function, given Array"):
        mp.explain(mp.asarray(1.0))
    with pytest.raises(SettingError, match="English and Chinese"):
        mp.explain(lambda x: x * x, 1.0, language="fr")


def test_a_function_that_is_not_deterministic_is_named_with_its_values():
    numbers = iter((2.0, 3.0))
    with pytest.raises(TraceError, match="gave 2, then 3"):
        mp.explain(lambda x: x * next(numbers), 1.0)
    captured = iter((np.ones(20), np.zeros(20)))
    with pytest.raises(TraceError, match=r"input gave 1, 1, 1, …, then 0, 0, 0, …"):
        mp.explain(lambda x: mp.sum(x * next(captured)), 1.0)
    choices = iter((mp.sin, mp.cos))
    with pytest.raises(TraceError, match="the first run computes sin, the second cos"):
        mp.explain(lambda x: next(choices)(x) + x, 1.0)

    times = iter((1, 2))
    with pytest.raises(TraceError, match="the first run computes 2 operations, the second 3"):
        mp.explain(lambda x: reduce(lambda y, _: mp.sin(y), range(next(times)), x), 1.0)
    inside = iter((0.5, 0.25))

    def with_a_loop(x):
        factor = next(inside)
        return mp.scan(lambda h, _: (h * factor, None), x, length=2)[0]

    with pytest.raises(TraceError, match=r"gave 0\.25, then 0\.0625"):
        mp.derive(with_a_loop, 1.0)


def test_what_the_user_raises_comes_through():
    def f(x):
        raise KeyError(x)

    for ask in (mp.explain, mp.derive):
        with pytest.raises(KeyError) as raised:
            ask(f, 1.0)
        assert Path(raised.traceback[-1].path).name == "test_explain_derivation.py"


def test_arguments_that_do_not_fit_are_told():
    def f(w, x):
        return w * x

    with pytest.raises(SettingError, match=r"f\(w, x\) was given 1 argument: missing a required argument: 'x'"):
        mp.explain(f, 1.0)
    with pytest.raises(ShapeError, match=r"matmul: .*\n?.*") as raised:
        mp.explain(lambda x, w: mp.sum(x @ w), np.ones((2, 3)), np.ones((2, 3)))
    assert "test_explain_derivation.py" in str(raised.value)
    for wrong in ("x", ("x",), ("x", (0,), 1)):
        with pytest.raises(SettingError, match="expected a name and a place"):
            mp.explain(mp.sin, 1.0).text(entry=wrong)
    with pytest.raises(SettingError, match=r"expected a list of names\n  fix: names=\['x'\]"):
        mp.derive(mp.sin, 1.0, names="x")
    with pytest.raises(SettingError, match="goes downhill"):
        mp.explain(mp.sin, 1.0).descend("0.1")


def test_what_is_inside_has_no_step_and_no_formulas_of_its_own():
    inner = mp.explain(lambda x: mp.checkpoint(mp.sin)(x) * 2.0, 1.0).inside("v1")
    with pytest.raises(SettingError, match="is a part of a program"):
        inner.descend(0.1)


# ── axes of length 1 ─────────────────────────────────────────────────────────────────────────────


def of_vectors(w, c, X, t):
    z = X @ w + c
    h = mp.tanh(z)
    column = h[:, None] * mp.ones((1, 2), dtype=mp.float64)
    s = w @ mp.ones((2,), dtype=mp.float64)
    return mp.mean((column[:, 0] - t) ** 2) + s


def test_what_only_adds_or_drops_axes_is_no_step_to_speak_of():
    args = (np.asarray([0.5, -1.0]), np.asarray(0.25), np.asarray([[1.0, 2.0], [0.5, -0.5], [2.0, 1.0]]), np.zeros(3))
    derivation = mp.explain(of_vectors, *args)
    shown = derivation.text()
    reshapes = [step for step in derivation.steps if step.operation == "reshape"]
    assert reshapes
    assert all(step.source.operation != "reshape" for step in reshapes if step.is_spoken_of)
    forward, _, backward = shown.partition("backward pass")
    assert re.search(r"^  v1 = X w = .* : f64\[3\]", forward, re.MULTILINE)
    assert re.search(r"^  s = w v\d = .* : f64\[\]", forward, re.MULTILINE)
    assert "∂loss/∂w = Xᵀ ∂loss/∂v1 + ∂loss/∂s v" in backward
    names = [one.name for one in (*derivation.leaves, *derivation.steps)]
    assert len(set(names)) == len(names)
    for step in derivation.steps:
        if step.is_spoken_of:  # its numbers are those that the function computes
            assert f"\n  {step.name} = " in forward
            assert derivation[step.name].value.shape == step.node.array_type.shape
        else:
            assert step.value.size == step.shown.value.size
            np.testing.assert_array_equal(step.value.ravel(), step.shown.value.ravel())


def by_label(z, y):
    return nn.cross_entropy(z, y)


def by_distribution(z, y):
    return nn.cross_entropy(z, mp.asarray(np.eye(3))[y])


def shifted(z, y):
    m = mp.stop_gradient(mp.max(z, axis=1, keepdims=True))
    return mp.mean(mp.log(mp.sum(mp.exp(z - m), axis=1)) + m[:, 0] - mp.sum(z * mp.asarray(np.eye(3))[y], axis=1))


@pytest.mark.parametrize("f", [by_label, by_distribution, shifted])
def test_a_guard_with_nothing_to_do_is_no_step_to_speak_of(f):
    derivation = mp.explain(f, np.asarray([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]]), np.asarray([0, 2]))
    spoken = [step for step in derivation.steps if step.is_spoken_of]
    assert not {step.source.operation for step in spoken} & {"isfinite", "where", "stop_gradient", "equal"}
    assert derivation.text().count("↳ no gradient flows here") == 1
    for step in spoken:  # what is not spoken of is of the same numbers
        if step.operation == "subtract":
            values = [derivation.of(derivation.shown.get(child, child)).value for child in step.node.inputs]
            assert np.array_equal(step.value, values[0] - values[1])
    back = [step for step in derivation.steps if step.cotangent is not None and not step.is_spoken_of]
    for step in back:
        assert np.array_equal(step.cotangent.ravel(), step.shown.cotangent.ravel())


def test_a_guard_that_has_something_to_do_is_a_step():
    derivation = mp.explain(lambda z: mp.sum(mp.softmax(z)), np.full((1, 2), -np.inf))
    assert {"isfinite", "where"} <= {step.operation for step in derivation.steps if step.is_spoken_of}
    branch = mp.explain(lambda x: mp.sum(mp.where(x > 0, x * 2, x)), np.ones(2))
    assert "where" in {step.operation for step in branch.steps if step.is_spoken_of}


def test_what_stops_a_gradient_that_would_come_is_a_step():
    def straight_through(x):
        return x * 2 - mp.stop_gradient(x * 2) + mp.sign(x)

    derivation = mp.explain(lambda x: straight_through(x) * 3, 0.5)
    assert "stop_gradient" in {step.operation for step in derivation.steps if step.is_spoken_of}


def test_arrows_lead_through_what_is_not_spoken_of():
    derivation = mp.explain(of_vectors, np.ones(2), np.asarray(0.25), np.ones((3, 2)), np.zeros(3))
    found, arrows = boxes(derivation)
    starts, ends = {start for start, _ in arrows}, {end for _, end in arrows}
    for n, box in enumerate(found):
        assert n in starts or box.kind == "loss"
        assert n in ends or box.kind == "input" or box.steps[0].source.operation == "broadcast_to"
