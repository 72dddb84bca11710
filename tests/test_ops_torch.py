"""The public operations against PyTorch, forward and gradient; where conventions differ, ours is asserted."""

# A case is one line of a table, and most are lambdas.
# ruff: noqa: E501, PLW0108

import numpy as np
import pytest

import maplet as mp

torch = pytest.importorskip("torch")
F = torch.nn.functional
rng = np.random.default_rng(0)
anywhere = rng.normal(size=(3, 4)) * 2
positive = np.abs(anywhere) + 0.1
unit = np.clip(anywhere / 5, -0.9, 0.9)
beside = rng.normal(size=(4,)) + np.where(rng.random(4) < 0.5, 2, -2)
special = np.asarray([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e-30, -1e30])

# operation of maplet, operation of PyTorch, inputs
unary = {
    **dict.fromkeys(("abs", "atan", "asinh", "ceil", "cos", "cosh", "erf", "erfc", "exp", "expm1", "floor", "negative", "positive", "round", "sigmoid", "sign", "sin", "sinh", "square", "tan", "tanh", "trunc", "softplus", "silu", "relu", "elu", "leaky_relu", "gelu", "reciprocal", "relu6", "hardtanh", "hardswish", "softshrink", "hardshrink", "celu", "selu", "mish", "softsign", "tanhshrink"), anywhere),
    **dict.fromkeys(("lgamma", "log", "log2", "log10", "sqrt", "rsqrt"), positive),
    **dict.fromkeys(("acos", "asin", "atanh", "erfinv", "log1p"), unit),
    "acosh": positive + 1,
}  # fmt: skip
in_functional = {"softplus", "silu", "elu", "leaky_relu", "gelu", "relu6", "hardtanh", "hardswish", "softshrink", "hardshrink", "celu", "selu", "mish", "softsign", "tanhshrink"}  # fmt: skip
cases = {
    name: (getattr(mp, name), getattr(F if name in in_functional else torch, name), [x]) for name, x in unary.items()
}
for name in (
    "add",
    "subtract",
    "multiply",
    "divide",
    "atan2",
    "hypot",
    "logaddexp",
    "maximum",
    "minimum",
    "remainder",
    "copysign",
):
    cases[name] = (getattr(mp, name), getattr(torch, name), [anywhere, beside])


def gelu_tanh(x):
    return F.gelu(x, approximate="tanh")


def digamma_with_exact_slope(x):
    """PyTorch has 10 digits of ψ₁, the slope of ψ, but more of ψ₁(x) = ζ(2, x)."""
    still = x.detach()
    return torch.digamma(still) + (x - still) * torch.special.zeta(2, still)


rows = np.asarray([[0, 3, 1], [2, 2, -1], [0, 1, 1]])
cases |= {
    "digamma": (mp.digamma, digamma_with_exact_slope, [positive]),
    "trigamma": (mp.trigamma, lambda x: torch.special.zeta(2, x), [positive]),
    "polygamma 2": (lambda x: mp.polygamma(2, x), lambda x: torch.polygamma(2, x), [positive]),
    "polygamma 3": (lambda x: mp.polygamma(3, x), lambda x: torch.polygamma(3, x), [anywhere]),
    "pow": (mp.pow, torch.pow, [positive, beside]),
    "pow 2": (lambda x: x**2, lambda x: x**2, [anywhere]),
    "pow 3": (lambda x: x**3, lambda x: x**3, [anywhere]),
    "2 pow": (lambda x: 2**x, lambda x: 2**x, [anywhere]),
    "where": (lambda x, y: mp.where(mp.asarray(anywhere > 0), x, y), lambda x, y: torch.where(torch.tensor(anywhere > 0), x, y), [anywhere, beside]),
    "clip": (lambda x: mp.clip(x, -1, 1), lambda x: torch.clip(x, -1, 1), [anywhere]),
    "clip low": (lambda x: mp.clip(x, -0.5), lambda x: torch.clip(x, -0.5), [anywhere]),
    "gelu tanh": (lambda x: mp.gelu(x, approximate=True), gelu_tanh, [anywhere]),
    "elu 2": (lambda x: mp.elu(x, 2.0), lambda x: F.elu(x, 2.0), [anywhere]),
    "leaky_relu 0.2": (lambda x: mp.leaky_relu(x, 0.2), lambda x: F.leaky_relu(x, 0.2), [anywhere]),
    "hardsigmoid": (mp.hardsigmoid, lambda x: F.relu6(x + 3) / 6, [anywhere]),  # F.hardsigmoid has a slope of float32
    "log_sigmoid": (mp.log_sigmoid, F.logsigmoid, [anywhere * 20]),
    "threshold": (lambda x: mp.threshold(x, 0.5, -2.0), lambda x: F.threshold(x, 0.5, -2.0), [anywhere]),
    "softmin": (lambda x: mp.softmin(x, axis=0), lambda x: F.softmin(x, 0), [anywhere]),
    "glu": (lambda x: mp.glu(x, axis=1), lambda x: F.glu(x, 1), [anywhere]),
    "swiglu": (lambda x: mp.glu(x, gate="silu"), lambda x: x[:, :2] * F.silu(x[:, 2:]), [anywhere]),
    "geglu": (lambda x: mp.glu(x, gate="gelu"), lambda x: x[:, :2] * F.gelu(x[:, 2:]), [anywhere]),
    "reglu": (lambda x: mp.glu(x, gate="relu"), lambda x: x[:, :2] * F.relu(x[:, 2:]), [anywhere]),
    "softmax": (lambda x: mp.softmax(x, axis=0), lambda x: torch.softmax(x, 0), [anywhere]),
    "log_softmax": (mp.log_softmax, lambda x: torch.log_softmax(x, -1), [anywhere * 50]),
    "logsumexp": (lambda x: mp.logsumexp(x, axis=(0, 1)), lambda x: torch.logsumexp(x, (0, 1)), [anywhere * 50]),
    "logsumexp keepdims": (lambda x: mp.logsumexp(x, axis=1, keepdims=True), lambda x: torch.logsumexp(x, 1, keepdim=True), [anywhere]),
    "norm": (lambda x: mp.norm(x, axis=1), lambda x: torch.linalg.vector_norm(x, dim=1), [anywhere]),
    "sum": (lambda x: mp.sum(x, axis=0), lambda x: torch.sum(x, 0), [anywhere]),
    "mean": (lambda x: mp.mean(x, axis=(-1,), keepdims=True), lambda x: torch.mean(x, -1, keepdim=True), [anywhere]),
    "var": (lambda x: mp.var(x, axis=0), lambda x: torch.var(x, 0, correction=0), [anywhere]),
    "var corrected": (lambda x: mp.var(x, correction=1), lambda x: torch.var(x, correction=1), [anywhere]),
    "std": (lambda x: mp.std(x, axis=1, correction=1), lambda x: torch.std(x, 1, correction=1), [anywhere]),
    "max": (lambda x: mp.max(x, axis=1), lambda x: torch.amax(x, 1), [anywhere]),
    "min": (mp.min, torch.amin, [anywhere]),
    "reshape": (lambda x: mp.reshape(x, (2, -1)), lambda x: torch.reshape(x, (2, -1)), [anywhere]),
    "permute_dims": (lambda x: mp.permute_dims(x, (1, 0)), lambda x: torch.permute(x, (1, 0)), [anywhere]),
    "moveaxis": (lambda x: mp.moveaxis(x, 0, -1), lambda x: torch.moveaxis(x, 0, -1), [anywhere]),
    "matrix_transpose": (mp.matrix_transpose, lambda x: x.mT, [anywhere]),
    "broadcast_to": (lambda x: mp.broadcast_to(x, (2, 3, 4)), lambda x: torch.broadcast_to(x, (2, 3, 4)), [beside]),
    "expand_dims": (lambda x: mp.expand_dims(x, axis=-1), lambda x: torch.unsqueeze(x, -1), [anywhere]),
    "squeeze": (lambda x: mp.squeeze(x, 1), lambda x: torch.squeeze(x, 1), [anywhere[:, None]]),
    "concat": (lambda x, y: mp.concat([x, y, x], axis=1), lambda x, y: torch.concat([x, y, x], 1), [anywhere, anywhere[:, :1]]),
    "stack": (lambda x, y: mp.stack([x, y], axis=1), lambda x, y: torch.stack([x, y], 1), [anywhere, positive]),
    "flip": (lambda x: mp.flip(x, axis=(0, 1)), lambda x: torch.flip(x, (0, 1)), [anywhere]),
    "pad": (lambda x: mp.pad(x, ((1, 2), (0, 3)), value=7.0), lambda x: F.pad(x, (0, 3, 1, 2), value=7.0), [anywhere]),
    "pad edge": (lambda x: mp.pad(x[None], ((0, 0), (1, 2), (0, 3)), "edge"), lambda x: F.pad(x[None, None], (0, 3, 1, 2), mode="replicate")[0], [anywhere]),
    "pad reflect": (lambda x: mp.pad(x, ((0, 0), (2, 3)), "reflect"), lambda x: F.pad(x, (2, 3), mode="reflect"), [anywhere]),
    "pad wrap": (lambda x: mp.pad(x, ((0, 0), (2, 3)), "wrap"), lambda x: F.pad(x, (2, 3), mode="circular"), [anywhere]),
    "repeat": (lambda x: mp.repeat(x, 3, axis=1), lambda x: torch.repeat_interleave(x, 3, dim=1), [anywhere]),
    "repeat each": (lambda x: mp.repeat(x, [2, 0, 1], axis=0), lambda x: torch.repeat_interleave(x, torch.tensor([2, 0, 1]), dim=0), [anywhere]),
    "tile": (lambda x: mp.tile(x, (2, 1, 3)), lambda x: torch.tile(x, (2, 1, 3)), [anywhere]),
    "roll": (lambda x: mp.roll(x, (2, -1), axis=(0, 1)), lambda x: torch.roll(x, (2, -1), (0, 1)), [anywhere]),
    "split": (lambda x: mp.split(x, [1, 3], axis=1)[1], lambda x: torch.tensor_split(x, [1, 3], 1)[1], [anywhere]),
    "unstack": (lambda x: mp.unstack(x, axis=1)[2], lambda x: torch.unbind(x, 1)[2], [anywhere]),
    "broadcast_arrays": (lambda x, y: mp.concat(mp.broadcast_arrays(x, y)), lambda x, y: torch.concat(torch.broadcast_tensors(x, y)), [anywhere, beside]),
    "meshgrid": (lambda x, y: mp.concat(mp.meshgrid(x, y)), lambda x, y: torch.concat(torch.meshgrid(x, y, indexing="xy")), [beside, beside[:3]]),
    "diff": (lambda x: mp.diff(x, axis=0, n=2), lambda x: torch.diff(x, n=2, dim=0), [anywhere]),
    "topk": (lambda x: mp.topk(x, 2).values, lambda x: torch.topk(x, 2).values, [anywhere]),
    "scatter_add": (lambda x, y: mp.scatter_add(x, mp.asarray(rows), y, axis=1), lambda x, y: torch.scatter_add(x, 1, torch.tensor(rows % 4), y), [anywhere, positive[:, :3]]),
    "scatter_add slices": (lambda x, y: mp.scatter_add(x, [2, 0, 2], y), lambda x, y: torch.index_add(x, 0, torch.tensor([2, 0, 2]), y), [anywhere, positive]),
    "segment_sum": (lambda x: mp.segment_sum(x, [3, 0, 3], 4), lambda x: torch.zeros((4, 4), dtype=x.dtype).index_add(0, torch.tensor([3, 0, 3]), x), [anywhere]),
    "clip by arrays": (lambda x, y: mp.clip(x, y - 1, y + 1), lambda x, y: torch.clip(x, y - 1, y + 1), [anywhere, beside]),
    "slice": (lambda x: x[::2, 1:-1], lambda x: x[::2, 1:-1], [anywhere]),
    "index": (lambda x: x[[0, 2, 0], [1, -1, 1]], lambda x: x[[0, 2, 0], [1, -1, 1]], [anywhere]),
    "take": (lambda x: mp.take(x, [2, 0, 2], axis=1), lambda x: torch.index_select(x, 1, torch.tensor([2, 0, 2])), [anywhere]),
    "take_along_axis": (lambda x: mp.take_along_axis(x, mp.asarray(rows), axis=1), lambda x: torch.take_along_dim(x, torch.tensor(rows % 4), 1), [anywhere]),
    "stop_gradient": (lambda x: x * mp.stop_gradient(x), lambda x: x * x.detach(), [anywhere]),
    "astype": (lambda x: x.astype(mp.float32), lambda x: x.to(torch.float32), [anywhere]),
}  # fmt: skip
for left, right in [((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 2)), ((3, 4), (4, 2)), ((5, 3, 4), (4, 2)), ((3, 4), (5, 4, 2)), ((2, 1, 3, 4), (5, 4, 2)), ((4,), (5, 4, 2)), ((5, 3, 4), (4,))]:  # fmt: skip
    cases[f"matmul {left} {right}"] = (mp.matmul, torch.matmul, [rng.normal(size=left), rng.normal(size=right)])


@pytest.mark.parametrize(("ours", "theirs", "inputs"), cases.values(), ids=cases.keys())
def test_value_and_gradient_agree_with_pytorch(ours, theirs, inputs):
    tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
    expected = theirs(*tensors)
    value, pullback = mp.vjp(ours, *inputs)
    assert value.shape == tuple(expected.shape)
    assert str(value.dtype) == str(expected.dtype).removeprefix("torch.")
    np.testing.assert_allclose(value, expected.detach(), rtol=1e-12, atol=1e-13)
    cotangent = rng.normal(size=value.shape).astype(value.dtype)
    expected.backward(torch.tensor(cotangent))
    for gradient, tensor in zip(pullback(cotangent), tensors, strict=True):
        np.testing.assert_allclose(gradient, tensor.grad, rtol=1e-6 if value.dtype == np.float32 else 1e-11, atol=1e-12)


@pytest.mark.parametrize(("ours", "theirs", "inputs"), cases.values(), ids=cases.keys())
def test_float32_agrees_with_pytorch(ours, theirs, inputs):
    narrow = [x.astype(np.float32) for x in inputs]
    value = ours(*map(mp.asarray, narrow))
    assert value.dtype == np.float32
    np.testing.assert_allclose(value, theirs(*map(torch.tensor, narrow)), rtol=2e-5, atol=2e-6)


# ── special values ───────────────────────────────────────────────────────────────────────────────

# Index in `special` → what we give there, where PyTorch gives something else, and why.
our_values = {"sign": {4: np.nan}}  # the sign of NaN is NaN, as in NumPy
our_derivatives = {
    "abs": {4: np.nan},  # NaN stays NaN
    "elu": {4: np.nan},
    "celu": {4: np.nan},
    "selu": {4: np.nan},
    **{name: {4: 1.0} for name in ("relu6", "hardtanh", "softshrink", "hardshrink")},  # NaN passes, and its slope is 1
    "hardswish": {4: np.nan},
    "rsqrt": {1: -np.inf},  # falls towards −0 as it does towards 0
}


@pytest.mark.parametrize("name", unary)
def test_special_values(name):
    """0, −0, ±∞ and NaN give what PyTorch gives, with the sign of zero."""
    ours, theirs, _ = cases[name]
    found, expected = ours(mp.asarray(special)).numpy(), theirs(torch.tensor(special)).numpy().copy()
    for n, value in our_values.get(name, {}).items():
        expected[n] = value
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert np.isnan(found[4])
    if name not in ("relu", "relu6", "sign", "leaky_relu", "abs"):
        zero = found == 0
        np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))


def test_poles_of_the_gamma_functions():
    """As in PyTorch, but for ψ₂, which has no value between −∞ and ∞ at a pole below 0."""
    x = np.asarray([*special, -2.0, -2.5])
    tensor = torch.tensor(x)
    np.testing.assert_allclose(mp.digamma(x), torch.digamma(tensor), rtol=1e-12)
    np.testing.assert_allclose(mp.trigamma(x)[:3], torch.polygamma(1, tensor)[:3])
    np.testing.assert_allclose(mp.polygamma(3, x)[[0, 4, 6, 9, 10]], torch.polygamma(3, tensor)[[0, 4, 6, 9, 10]])
    assert torch.polygamma(2, tensor)[6] == -np.inf
    assert np.isnan(mp.polygamma(2, x)[6].item())


@pytest.mark.parametrize("name", unary)
def test_gradients_at_special_values(name):
    ours, theirs, _ = cases[name]
    tensor = torch.tensor(special, requires_grad=True)
    theirs(tensor).sum().backward()
    found = mp.grad(lambda x: mp.sum(ours(x)))(special).numpy()
    expected = tensor.grad.numpy().copy()
    for n, value in our_derivatives.get(name, {}).items():
        expected[n] = value
    np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_ties_share_the_gradient():
    """Of max and min equally, as torch.amax does; of maximum and minimum one half each, as PyTorch does."""
    x = np.asarray([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    tensor = torch.tensor(x, requires_grad=True)
    torch.amax(tensor, 1).sum().backward()
    found = mp.grad(lambda x: mp.sum(mp.max(x, axis=1)))(x)
    np.testing.assert_array_equal(found, tensor.grad)
    np.testing.assert_allclose(found, [[0, 1 / 2, 1 / 2], [1 / 3] * 3])
    for name in ("maximum", "minimum"):
        a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
        getattr(torch, name)(a, b).sum().backward()
        ours = mp.grad(lambda a, b: mp.sum(getattr(mp, name)(a, b)), argnums=(0, 1))(mp.ones((2,)), mp.ones((2,)))  # noqa: B023  (called at once)
        assert [g.tolist() for g in ours] == [a.grad.tolist(), b.grad.tolist()] == [[0.5, 0.5]] * 2


def test_the_gradient_passes_on_the_bounds_of_clip():
    x = np.asarray([-1.0, 0.0, 1.0, np.nan])
    tensor = torch.tensor(x, requires_grad=True)
    torch.clip(tensor, -1, 1).sum().backward()
    np.testing.assert_array_equal(mp.grad(lambda x: mp.sum(mp.clip(x, -1, 1)))(x)[:3], tensor.grad[:3])
    np.testing.assert_array_equal(mp.clip(x, -1, 1), torch.clip(torch.tensor(x), -1, 1))


def test_nan_wins():
    x = np.asarray([1.0, np.nan, 3.0])
    for ours, theirs in [
        (mp.max, torch.amax),
        (mp.min, torch.amin),
        (mp.argmax, torch.argmax),
        (mp.argmin, torch.argmin),
        (mp.sum, torch.sum),
    ]:
        np.testing.assert_array_equal(ours(x), theirs(torch.tensor(x)))
    np.testing.assert_array_equal(mp.maximum(x, 2.0), torch.maximum(torch.tensor(x), torch.tensor(2.0)))


def test_conventions_of_our_own():
    """Where PyTorch gives NaN or refuses, ours is what the records say."""
    assert mp.grad(lambda x: mp.norm(x))(np.zeros(3)).tolist() == [0, 0, 0]
    assert [float(g) for g in mp.grad(mp.hypot, argnums=(0, 1))(0.0, 0.0)] == [0, 0]
    assert float(mp.grad(lambda x: x**0.0)(0.0)) == 0
    assert float(mp.grad(lambda y: mp.pow(0.0, y))(2.0)) == 0
    assert float(mp.grad(mp.sqrt)(0.0)) == np.inf
    assert float(mp.grad(lambda x: mp.logaddexp(x, -np.inf))(-np.inf)) == 0
    assert mp.one_hot(mp.asarray([0, 3, -1]), 3).tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_softmax_family_at_extremes():
    for x in ([1e4, 0.0, -1e4], [0.0, -np.inf], [-np.inf, -np.inf]):
        for name in ("softmax", "log_softmax", "logsumexp"):
            expected = getattr(torch, name)(torch.tensor(x, dtype=torch.float64), -1)
            np.testing.assert_allclose(getattr(mp, name)(np.asarray(x), axis=-1), expected, rtol=1e-12)
    assert np.isnan(mp.softmax(np.asarray([np.inf, 0.0]))[0].item())  # ∞/∞
    assert mp.logsumexp(np.asarray([np.inf, 0.0])).item() == np.inf
    assert mp.grad(mp.logsumexp)(np.asarray([1e4, 1e4, 0.0])).tolist() == [0.5, 0.5, 0]


def test_one_hot():
    labels = rng.integers(0, 5, size=(2, 3))
    np.testing.assert_array_equal(mp.one_hot(labels, 5), F.one_hot(torch.tensor(labels), 5))
    many = mp.one_hot(np.asarray([0, 255], np.uint8), 300)
    assert mp.sum(many, axis=1).tolist() == [1, 1]
    assert mp.argmax(many, axis=1).tolist() == [0, 255]


def test_integer_results():
    x = rng.integers(-4, 4, size=(3, 4))
    t = torch.tensor(x)
    for ours, theirs in [(mp.argmax, torch.argmax), (mp.argmin, torch.argmin)]:
        np.testing.assert_array_equal(ours(x, axis=1), np.argmax(x, 1) if ours is mp.argmax else np.argmin(x, 1))
        np.testing.assert_array_equal(ours(anywhere), theirs(torch.tensor(anywhere)))
    np.testing.assert_array_equal(mp.sum(x), t.sum())
    np.testing.assert_array_equal(mp.floor_divide(x, 3), torch.floor_divide(t, 3))
    np.testing.assert_array_equal(mp.remainder(x, -3), torch.remainder(t, -3))
    np.testing.assert_array_equal(mp.any(x, axis=0), (t != 0).any(0))
    np.testing.assert_array_equal(mp.all(x, axis=0), (t != 0).all(0))
    for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
        np.testing.assert_array_equal(
            getattr(mp, name)(special, 1.0),
            getattr(torch, {"equal": "eq"}.get(name, name))(torch.tensor(special), torch.tensor(1.0)),
        )
    for name in ("isnan", "isinf", "isfinite", "signbit"):
        np.testing.assert_array_equal(getattr(mp, name)(special), getattr(torch, name)(torch.tensor(special)))
    for name in ("logical_and", "logical_or", "logical_xor"):
        np.testing.assert_array_equal(getattr(mp, name)(x > 0, x < 2), getattr(torch, name)(t > 0, t < 2))
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        np.testing.assert_array_equal(getattr(mp, name)(x, 5), getattr(torch, name)(t, 5))
    np.testing.assert_array_equal(
        mp.nextafter(anywhere, 9.0), torch.nextafter(torch.tensor(anywhere), torch.tensor(9.0, dtype=torch.float64))
    )


made_of_nothing = {
    "zeros": (lambda m: m.zeros((2, 3)), torch.float32), "ones": (lambda m: m.ones((2, 3)), torch.float32),
    "full": (lambda m: m.full((2,), 1.5), torch.float32), "eye": (lambda m: m.eye(3), torch.float32),
    "eye 2 3": (lambda m: m.eye(2, 3), torch.float32), "arange": (lambda m: m.arange(5), torch.int64),
    "arange down": (lambda m: m.arange(7, -2, -2), torch.int64), "arange float": (lambda m: m.arange(0.0, 1.0, 0.1), torch.float32),
    "arange float64": (lambda m: m.arange(0.0, 1.0, 0.1, dtype=m.float64), torch.float64),
    "linspace": (lambda m: m.linspace(-1.0, 2.0, 7), torch.float32), "linspace float64": (lambda m: m.linspace(1.0, -3.0, 6, dtype=m.float64), torch.float64),
    "full_like": (lambda m: m.full_like(m.asarray([1, 2]), 3), torch.int64),
    "zeros_like": (lambda m: m.zeros_like(m.asarray([1, 2])), torch.int64), "ones_like": (lambda m: m.ones_like(m.asarray([1.0])), torch.float32),
}  # fmt: skip


@pytest.mark.parametrize(("make", "dtype"), made_of_nothing.values(), ids=made_of_nothing.keys())
def test_arrays_made_from_nothing(make, dtype):
    ours, theirs = make(mp), make(torch)
    assert theirs.dtype == dtype
    assert str(ours.dtype) == str(dtype).removeprefix("torch.")
    np.testing.assert_allclose(ours, theirs, rtol=1e-15 if dtype == torch.float64 else 1e-7)


def test_every_public_operation_is_compared():
    """A new public function of this room is compared with PyTorch above, or listed here with its place."""
    from maplet.core.primitive import operations

    here = " ".join(cases) + " " + " ".join(made_of_nothing)
    elsewhere = {
        "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isnan", "isinf", "isfinite", "signbit", "logical_and",
        "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "nextafter", "argmax", "argmin", "any", "all",
        "floor_divide", "one_hot",  # above, without gradients
        "logical_not", "bitwise_invert", "bitwise_left_shift", "bitwise_right_shift", "asarray", "getitem", "setitem", "round_to",  # test_core_array.py
        "power",  # `pow`
        "transpose", "empty", "empty_like", "from_dlpack", "nonzero", "unique_all", "unique_counts", "unique_inverse", "unique_values",
        "isclose", "allclose", "count_nonzero", "searchsorted",  # test_array_api.py
        "argsort", "sort",  # test_ops_distributions.py
        "conv",  # test_ops_convolution.py
        "cholesky", "cross", "det", "eigh", "eigvalsh", "inv", "matrix_norm", "matrix_power", "matrix_rank", "outer", "pinv", "qr",
        "slogdet", "solve", "svd", "svdvals", "tensordot", "trace", "vecdot", "vector_norm", "diagonal", "tril", "triu",  # test_linalg.py
        "portable_log", "portable_exp", "normal_quantile",  # test_ops_distributions.py
        "scan", "map", "while_loop", "fori_loop", "cond", "switch",  # test_control_*.py
        "checkpoint", "custom_gradient", "custom_root",  # test_control_custom.py
        "conv_transpose", "reduce_window",  # test_ops_windows.py
        "einsum",  # test_ops_einsum.py
        "cumulative_sum", "cumulative_prod", "cumulative_max", "cumulative_min", "prod", "recurrence",  # test_ops_cumulative.py
    }  # fmt: skip
    missing = [name for name in operations if name not in here.split() and name not in elsewhere]
    assert not missing
