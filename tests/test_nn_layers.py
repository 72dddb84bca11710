"""Laws that hold for every layer: derivatives, agreement with PyTorch, saving as data, modes."""

import json

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.errors import DataError, DTypeError, MapletError, SettingError, ShapeError
from maplet.nn.activations import activations
from maplet.nn.module import built_in

random = np.random.default_rng(0)
matrix = random.normal(size=(5, 4))
images = random.normal(size=(3, 2, 4))
codes = np.array([[0, 2], [5, 2]])
table = np.column_stack([random.normal(size=(4, 2)), [0, 2, 1, 2]])
between = np.array([0.0, 0.0, 0.25])  # a code is a step function of its input: differences are taken inside a step

# Every layer with every option that changes what it computes, and an input for it.
examples = {
    "Sequential": [
        (nn.Sequential, matrix),
        (lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Sequential(nn.Linear(3, 2), nn.Softmax())), matrix),
    ],
    "Linear": [
        (lambda: nn.Linear(4, 3, bias_init="uniform"), matrix),
        (lambda: nn.Linear(4, 3, bias=False, weight_init="he_normal"), images),
        (lambda: nn.Linear(4, 3, weight_init=nn.initializers.Normal(0.1, 0.5)), matrix[0]),
    ],
    "Flatten": [(nn.Flatten, images), (nn.Flatten, matrix[0])],
    "Dropout": [(lambda: nn.Dropout(0.3), matrix), (lambda: nn.Dropout(0), matrix)],
    "Embedding": [(lambda: nn.Embedding(6, 3), codes), (lambda: nn.Embedding(6, 3, weight_init="normal"), codes[0])],
    "EmbedColumns": [
        (lambda: nn.EmbedColumns([3]), table + between),
        (lambda: nn.EmbedColumns((9, 3)), np.abs(table).round() + 0.25),
    ],
    "Sigmoid": [(nn.Sigmoid, matrix)],
    "Tanh": [(nn.Tanh, matrix)],
    "ReLU": [(nn.ReLU, matrix)],
    "LeakyReLU": [(nn.LeakyReLU, matrix), (lambda: nn.LeakyReLU(0.2), images)],
    "ELU": [(nn.ELU, matrix), (lambda: nn.ELU(0.5), images)],
    "GELU": [(nn.GELU, matrix), (lambda: nn.GELU(approximate=True), images)],
    "SiLU": [(nn.SiLU, matrix)],
    "Softplus": [(nn.Softplus, matrix)],
    "Softmax": [(nn.Softmax, matrix), (lambda: nn.Softmax(axis=1), images)],
    "Residual": [
        (lambda: nn.Residual(nn.Linear(4, 4)), matrix),
        (lambda: nn.Residual(nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 4))), images),
    ],
    "Parallel": [
        (lambda: nn.Parallel(nn.Linear(4, 3), nn.Tanh()), matrix),
        (lambda: nn.Parallel(nn.Linear(4, 4), nn.Tanh(), nn.Sigmoid(), combine="sum"), images),
        (lambda: nn.Parallel(nn.Linear(4, 2), nn.Linear(4, 2), combine="stack", axis=1), images),
        (lambda: nn.Parallel(nn.Tanh(), nn.Sigmoid(), axis=1), images),
    ],
    "ChannelDropout": [(lambda: nn.ChannelDropout(0.3), images), (lambda: nn.ChannelDropout(0), matrix)],
    "StochasticDepth": [(lambda: nn.StochasticDepth(0.3), images), (lambda: nn.StochasticDepth(0), matrix)],
    "AlphaDropout": [(lambda: nn.AlphaDropout(0.3), images), (lambda: nn.AlphaDropout(0), matrix)],
    "LogSoftmax": [(nn.LogSoftmax, matrix), (lambda: nn.LogSoftmax(axis=1), images)],
    "Softmin": [(nn.Softmin, matrix), (lambda: nn.Softmin(axis=1), images)],
    "GLU": [(nn.GLU, matrix), *[(lambda gate=gate: nn.GLU(1, gate=gate), images) for gate in ("relu", "gelu", "silu")]],
    "PReLU": [(nn.PReLU, images), (lambda: nn.PReLU(4, weight_init="uniform"), matrix)],
    "ReLU6": [(nn.ReLU6, 4 * matrix)],
    "Hardtanh": [(nn.Hardtanh, matrix), (lambda: nn.Hardtanh(-0.3, 0.7), images)],
    "Hardsigmoid": [(nn.Hardsigmoid, 3 * matrix)],
    "Hardswish": [(nn.Hardswish, 3 * matrix)],
    "Softshrink": [(nn.Softshrink, matrix), (lambda: nn.Softshrink(0.1), images)],
    "Hardshrink": [(nn.Hardshrink, matrix), (lambda: nn.Hardshrink(0.1), images)],
    "Threshold": [(lambda: nn.Threshold(0.2, -3.0), matrix)],
    "CELU": [(nn.CELU, matrix), (lambda: nn.CELU(0.25), images)],
    "SELU": [(nn.SELU, matrix)],
    "Mish": [(nn.Mish, matrix)],
    "LogSigmoid": [(nn.LogSigmoid, matrix)],
    "Softsign": [(nn.Softsign, matrix)],
    "Tanhshrink": [(nn.Tanhshrink, matrix)],
}
cases = [
    pytest.param(make, x, id=f"{name}-{n}") for name, entries in examples.items() for n, (make, x) in enumerate(entries)
]
every_layer = pytest.mark.parametrize(("make", "x"), cases)


def as_input(x, dtype):
    return mp.asarray(x, dtype=dtype if x.dtype.kind == "f" else None)


def test_every_layer_has_an_example():
    assert set(examples) == set(built_in) - {"Lambda"}  # which is no data: test_nn_combinators.py
    assert {cls.__name__ for cls in activations.values()} <= set(examples)


@every_layer
def test_gradients_agree_with_central_differences(make, x):
    report = mp.check_gradient(lambda net, x: net(x), make(), x)
    assert report.passed, str(report)


@every_layer
def test_a_description_is_json_and_builds_the_same_layer(make, x):
    net = make()
    description = json.loads(json.dumps(nn.describe(net)))
    built = nn.build(description)
    assert repr(built) == repr(net)
    built.load_state(net.state())
    x = as_input(x, "float32")
    for _ in range(2):
        np.testing.assert_array_equal(built(x), net(x))
    assert nn.describe(built) == description


@every_layer
def test_loading_without_drawing_weights_gives_the_same_layer(make, x):
    net = make()
    state = mp.random.default.draws.item()
    built = nn.build(nn.describe(net), initialize=False).load_state(net.state())
    assert mp.random.default.draws.item() == state
    assert repr(built) == repr(net)
    np.testing.assert_array_equal(built(as_input(x, "float32")), net(as_input(x, "float32")))


@every_layer
def test_training_and_inference_differ_for_dropout_only(make, x):
    net, x = make(), as_input(x, "float32")
    trained, inferred = net.train()(x), net.eval()(x)
    same = np.array_equal(trained, inferred)
    assert same != (isinstance(net, nn.Dropout) and net.rate > 0)
    np.testing.assert_array_equal(inferred, net(x))


@every_layer
def test_vmap_and_jit_give_what_the_layer_itself_gives(make, x):
    net, both = make().eval(), as_input(np.stack([x, x[::-1]]), "float64")
    expected = [net(both[n]) for n in range(2)]
    by_rows = lambda net, x: mp.vmap(net)(x)
    for found in (by_rows(net, both), mp.jit(by_rows)(net, both)):
        np.testing.assert_allclose(found, np.stack(expected), rtol=1e-12, atol=1e-14)


@every_layer
def test_there_is_nothing_to_lint(make, x):
    assert mp.lint(lambda net, x: net(x), make(), x) == []


@every_layer
def test_dtype_is_kept(make, x):
    for dtype in ("float16", "float32", "float64"):
        assert make().astype(dtype)(as_input(x, dtype)).dtype == dtype


# ── PyTorch ──────────────────────────────────────────────────────────────────────────────────────


def torch_branches(net, torch):
    if isinstance(net, nn.Residual):
        peer, named = torch_peer(net.layer, torch)
        return lambda x: x + peer(x), {f"layer.{key}": value for key, value in named.items()}
    peers, named = torch_peer(nn.Sequential(*net.layers), torch)
    combine = {"concat": lambda ys: torch.cat(ys, net.axis), "stack": lambda ys: torch.stack(ys, net.axis), "sum": sum}
    return lambda x: combine[net.combine]([peer(x) for peer in peers]), named


def torch_gated(net, torch):
    if net.gate == "sigmoid":
        return torch.nn.GLU(net.axis)

    def gated(x):
        value, gate = torch.chunk(x, 2, net.axis)
        return value * getattr(torch.nn.functional, net.gate)(gate)

    return gated


def torch_peer(net, torch):
    """The same layer in PyTorch, with the same weights, and its parameters by our names."""
    name = type(net).__name__
    if name == "Sequential":
        peers = [torch_peer(layer, torch) for layer in net]
        named = {f"layers.{n}.{key}": value for n, (_, own) in enumerate(peers) for key, value in own.items()}
        return torch.nn.Sequential(*[peer for peer, _ in peers]), named
    if name in ("Residual", "Parallel"):
        return torch_branches(net, torch)
    if name == "Linear":
        peer = torch.nn.Linear(net.in_features, net.out_features, bias=net.bias is not None)
        peer.weight.data = torch.tensor(net.weight.numpy().T.copy())
        named = {"weight": peer.weight}
        if net.bias is not None:
            peer.bias.data = torch.tensor(net.bias.numpy().copy())
            named["bias"] = peer.bias
        return peer, named
    if name == "Embedding":
        peer = torch.nn.Embedding(net.num_embeddings, net.features)
        peer.weight.data = torch.tensor(net.weight.numpy().copy())
        return peer, {"weight": peer.weight}
    if name == "PReLU":
        peer = torch.nn.PReLU(net.features)
        peer.weight.data = torch.tensor(net.weight.numpy().copy())
        return peer, {"weight": peer.weight}
    make = {
        "Flatten": torch.nn.Flatten,
        "LeakyReLU": lambda: torch.nn.LeakyReLU(net.slope),
        "ELU": lambda: torch.nn.ELU(net.alpha),
        "GELU": lambda: torch.nn.GELU(approximate="tanh" if net.approximate else "none"),
        "Softmax": lambda: torch.nn.Softmax(dim=net.axis),
        "LogSoftmax": lambda: torch.nn.LogSoftmax(dim=net.axis),
        "Softmin": lambda: torch.nn.Softmin(dim=net.axis),
        "GLU": lambda: torch_gated(net, torch),
        "Hardtanh": lambda: torch.nn.Hardtanh(net.low, net.high),
        "Softshrink": lambda: torch.nn.Softshrink(net.threshold),
        "Hardshrink": lambda: torch.nn.Hardshrink(net.threshold),
        "Threshold": lambda: torch.nn.Threshold(net.threshold, net.value),
        "CELU": lambda: torch.nn.CELU(net.alpha),  # which rounds 1/α to float32: ours is a power of 2
        # torch.nn.Hardsigmoid has a slope of 0.16666667, the sixth of float32, in float64 too.
        "Hardsigmoid": lambda: lambda x: torch.nn.functional.relu6(x + 3) / 6,
    }
    return make.get(name, getattr(torch.nn, name))(), {}


drops = ("Dropout", "ChannelDropout", "StochasticDepth", "AlphaDropout")  # test_nn_dropout.py
has_a_peer = [case for case in cases if not case.id.startswith((*drops, "EmbedColumns", "Flatten-1"))]


@pytest.mark.parametrize(("make", "x"), has_a_peer)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-6)])
def test_values_and_gradients_agree_with_pytorch(make, x, dtype, tolerance):
    torch = pytest.importorskip("torch")
    net = make().astype(dtype)
    peer, named = torch_peer(net, torch)
    x = as_input(x, dtype)
    theirs_x = torch.tensor(x.numpy().copy(), requires_grad=x.dtype.kind == "f")
    theirs = peer(theirs_x)
    weights = np.random.default_rng(1).normal(size=tuple(theirs.shape)).astype(dtype)
    (theirs * torch.tensor(weights)).sum().backward()

    ours, pullback = mp.vjp(lambda net, x: net(x), net, x)
    gradients, gradient_x = pullback(weights)
    np.testing.assert_allclose(ours, theirs.detach(), rtol=tolerance, atol=tolerance)
    assert set(gradients) == set(named)
    for name, parameter in named.items():
        transposed = name.endswith("weight") and not isinstance(net, nn.Embedding)
        gradient = parameter.grad.numpy().T if transposed else parameter.grad.numpy()
        np.testing.assert_allclose(gradients[name], gradient, rtol=tolerance, atol=tolerance, err_msg=name)
    if x.dtype.kind == "f":
        np.testing.assert_allclose(gradient_x, theirs_x.grad, rtol=tolerance, atol=tolerance)


# ── Sequential ───────────────────────────────────────────────────────────────────────────────────


def test_sequential_is_a_sequence():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), mp.tanh)
    assert len(net) == 3
    assert list(net) == net.layers
    assert net[-1] is mp.tanh
    assert net[:2].layers == net.layers[:2]
    assert net[:1][0].weight is net[0].weight
    assert len(nn.Sequential()) == 0
    x = mp.asarray([1.0, 2.0])
    np.testing.assert_array_equal(net(x), mp.tanh(mp.relu(net[0](x))))


@pytest.mark.parametrize(
    ("given", "fix"),
    [(nn.ReLU, r"write ReLU\(\.\.\.\)"), ([nn.ReLU()], "unpack a list"), (3, "a layer, or")],
)
def test_sequential_takes_layers_only(given, fix):
    with pytest.raises(SettingError, match=f"argument 1 is (?s:.*){fix}"):
        nn.Sequential(nn.Tanh(), given)


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("shape", "fix"),
    [
        ((32, 65), "in_features=65"),
        ((32, 8, 8), r"put Flatten\(\) before it"),
        ((64, 32), "transpose the input"),
        ((), "give an array"),
    ],
)
def test_linear_says_what_it_takes_and_how_to_mend_it(shape, fix):
    with pytest.raises(ShapeError, match=fix) as caught:
        nn.Linear(64, 16)(mp.zeros(shape))
    assert caught.value.message == f"Linear(64, 16) takes (…, 64), given {shape}"
    assert caught.value.where.startswith("test_nn_layers.py:")


@pytest.mark.parametrize("wrong", [0, -1, 2.0, "3", None, True])
def test_features_are_positive_integers(wrong):
    for make in (nn.Linear, nn.Embedding):
        with pytest.raises(SettingError, match="is a positive integer, not"):
            make(wrong, 3)
        with pytest.raises(SettingError, match="is a positive integer, not"):
            make(3, wrong)


def test_features_may_be_integers_of_numpy():
    net = nn.Linear(np.int32(2), np.int64(3))
    assert repr(net) == "Linear(2, 3)"
    json.dumps(nn.describe(net))


@pytest.mark.parametrize(("given", "word"), [([0, 6], r"x\[1\] is 6"), ([[1], [-1]], r"x\[1, 0\] is -1")])
def test_embedding_names_the_code_that_it_has_no_row_for(given, word):
    with pytest.raises(DataError, match=r"Embedding\(6, 2\) has rows 0 to 5, but " + word):
        nn.Embedding(6, 2)(mp.asarray(given))


def test_embedding_takes_integers():
    with pytest.raises(DTypeError, match="takes integers, given f32"):
        nn.Embedding(6, 2)(mp.asarray([1.0]))


def test_flatten_takes_a_batch():
    with pytest.raises(MapletError, match="given a single number"):
        nn.Flatten()(1.0)


def test_integers_and_float64_meet_the_weights():
    layer = nn.Linear(2, 3)
    images = np.array([[0, 255]], dtype=np.uint8)
    assert layer(images).dtype == np.float32
    np.testing.assert_array_equal(layer(images), layer(images.astype("float32")))
    assert layer(images.astype("float64")).dtype == np.float64
