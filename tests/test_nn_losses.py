"""Laws that hold for every loss: derivatives, agreement with PyTorch, reductions and weights, errors that teach."""

import itertools

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.errors import DataError, DTypeError, MapletError, SettingError, ShapeError
from maplet.nn.losses import losses

random = np.random.default_rng(0)
real = (random.normal(size=(6, 3)), random.normal(size=(6, 3)))
logits = random.normal(size=(6, 4))
classes = random.integers(0, 4, size=6)
probabilities = np.exp(logits[::-1]) / np.exp(logits[::-1]).sum(axis=1, keepdims=True)
deep = (random.normal(size=(3, 2, 4)), random.integers(0, 4, size=(3, 2)))
binary = (random.normal(size=(6, 3)), random.uniform(size=(6, 3)))

# Every loss with every option that changes what it computes, and what it takes.
examples = {
    "mse": [(real, {}), ((real[0][:, 0], real[1][:, 0]), {})],
    "mae": [(real, {})],
    "huber": [(real, {}), (real, {"delta": 0.3})],
    "cross_entropy": [
        (given, options)
        for given in ((logits, classes), (logits, probabilities), (logits, np.eye(4, dtype=int)[classes]), deep)
        for options in ({}, {"label_smoothing": 0.1})
    ],
    "binary_cross_entropy": [(binary, {}), ((binary[0], binary[1] > 0.5), {}), ((binary[0], np.round(binary[1])), {})],
}
cases = [
    pytest.param(name, given, options, id=f"{name}-{n}")
    for name, entries in examples.items()
    for n, (given, options) in enumerate(entries)
]
every_loss = pytest.mark.parametrize(("name", "given", "options"), cases)
every_reduction = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def per_row(given):
    return np.random.default_rng(7).uniform(0.5, 2, size=given[0].shape[0])


def test_every_loss_has_an_example_and_is_public():
    assert set(examples) == set(losses)
    assert all(getattr(nn, name) is loss for name, loss in losses.items())


@every_loss
@every_reduction
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_agree_with_central_differences(name, given, options, reduction, weighted):
    weights = per_row(given) if weighted else None
    report = mp.check_gradient(lambda p, t: losses[name](p, t, reduction=reduction, weights=weights, **options), *given)
    assert report.passed, str(report)


@every_loss
def test_gradients_of_gradients_agree_with_central_differences(name, given, options):
    report = mp.check_gradient(mp.grad(lambda p: losses[name](p, given[1], **options)), given[0])
    assert report.passed, str(report)


@every_loss
def test_reductions_and_weights_mean_what_they_say(name, given, options):
    loss = losses[name]
    w = per_row(given)
    values = loss(*given, reduction="none", **options).numpy()
    spread = np.broadcast_to(w.reshape(-1, *[1] * (values.ndim - 1)), values.shape)
    assert values.shape == (given[0].shape[:-1] if name == "cross_entropy" else given[0].shape)
    close = {"rtol": 1e-12}
    np.testing.assert_allclose(loss(*given, **options), values.mean(), **close)
    np.testing.assert_allclose(loss(*given, reduction="sum", **options), values.sum(), **close)
    np.testing.assert_allclose(loss(*given, reduction="none", weights=w, **options), spread * values, **close)
    np.testing.assert_allclose(loss(*given, reduction="sum", weights=w, **options), (spread * values).sum(), **close)
    np.testing.assert_allclose(loss(*given, weights=w, **options), (spread * values).sum() / spread.sum(), **close)
    np.testing.assert_allclose(loss(*given, weights=spread, **options), loss(*given, weights=w, **options), **close)


@every_loss
def test_a_weight_of_2_is_an_example_given_twice(name, given, options):
    weights = np.arange(given[0].shape[0])
    repeated = [np.repeat(array, weights, axis=0) for array in given]
    weighted = losses[name](*given, weights=weights, **options)
    np.testing.assert_allclose(weighted, losses[name](*repeated, **options), rtol=1e-12)


@every_loss
def test_the_loss_keeps_the_dtype_of_the_predictions(name, given, options):
    for dtype in ("float32", "float64"):
        p, t = (array.astype(dtype) if array.dtype.kind == "f" else array for array in given)
        assert losses[name](p, t, **options).dtype == dtype


# ── PyTorch ──────────────────────────────────────────────────────────────────────────────────────


def torch_loss(name, options):
    from torch.nn import functional

    if name == "cross_entropy":

        def cross_entropy(p, t):
            t = t.double() if t.shape == p.shape else t.reshape(-1)
            values = functional.cross_entropy(p.reshape(-1, p.shape[-1]), t, reduction="none", **options)
            return values.reshape(p.shape[:-1])

        return cross_entropy
    function = {
        "mse": functional.mse_loss,
        "mae": functional.l1_loss,
        "huber": functional.huber_loss,
        "binary_cross_entropy": lambda p, t, **kw: functional.binary_cross_entropy_with_logits(p, t.double(), **kw),
    }[name]
    return lambda p, t: function(p, t, reduction="none", **options)


@every_loss
@every_reduction
@pytest.mark.parametrize("weighted", [False, True])
def test_values_and_gradients_agree_with_pytorch(name, given, options, reduction, weighted):
    torch = pytest.importorskip("torch")
    w = per_row(given) if weighted else np.ones(given[0].shape[0])
    p = torch.tensor(given[0], requires_grad=True)
    values = torch_loss(name, options)(p, torch.tensor(given[1]))
    spread = torch.tensor(w).reshape(-1, *[1] * (values.ndim - 1)).expand(values.shape)
    total = (values * spread).sum()
    theirs = {"none": values * spread, "sum": total, "mean": total / spread.sum()}[reduction]
    theirs.sum().backward()

    def ours(p):
        return losses[name](p, given[1], reduction=reduction, weights=w if weighted else None, **options)

    np.testing.assert_allclose(ours(given[0]), theirs.detach(), rtol=1e-12)
    np.testing.assert_allclose(mp.grad(lambda p: mp.sum(ours(p)))(given[0]), p.grad, rtol=1e-11, atol=1e-15)


# ── numbers far out ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [1e2, 1e4, 1e30])
@pytest.mark.parametrize("targets", [np.array([0, 1]), np.array([[1.0, 0.0], [0.25, 0.75]], dtype="float32")])
def test_cross_entropy_of_huge_logits_is_finite(size, targets):
    z = mp.asarray([[size, -size], [size, -size]])
    value, gradient = mp.value_and_grad(lambda z: nn.cross_entropy(z, targets, reduction="sum"))(z)
    missed = 2 * size * (1 if targets.ndim == 1 else 0.75)
    np.testing.assert_allclose(float(value), missed, rtol=1e-6)
    one_hot = np.eye(2)[targets] if targets.ndim == 1 else targets
    np.testing.assert_allclose(gradient, np.array([[1, 0], [1, 0]]) - one_hot, atol=1e-7)


@pytest.mark.parametrize("size", [1e2, 1e4, 1e30])
def test_binary_cross_entropy_of_huge_logits_is_finite(size):
    z = mp.asarray([size, size, -size, -size])
    targets = mp.asarray([1.0, 0.0, 1.0, 0.0])
    value, gradient = mp.value_and_grad(lambda z: nn.binary_cross_entropy(z, targets, reduction="sum"))(z)
    np.testing.assert_allclose(float(value), 2 * size, rtol=1e-6)
    np.testing.assert_allclose(gradient, [0, 1, -1, 0], atol=1e-7)


def test_binary_cross_entropy_does_not_cancel():
    z = mp.asarray([20.0, -20.0])
    values = nn.binary_cross_entropy(z, mp.asarray([1.0, 0.0]), reduction="none")
    np.testing.assert_allclose(values, np.log1p(np.exp(-20.0)), rtol=1e-6)


def test_an_excluded_class_costs_nothing_where_its_probability_is_0():
    z = mp.asarray([[0.0, -np.inf, 0.0]])
    for targets in (np.array([0]), np.array([[1.0, 0.0, 0.0]], dtype="float32")):
        value, gradient = mp.value_and_grad(lambda z, t=targets: nn.cross_entropy(z, t))(z)
        np.testing.assert_allclose(float(value), np.log(2), rtol=1e-6)
        np.testing.assert_allclose(gradient, [[-0.5, 0, 0.5]], atol=1e-7)
    assert float(nn.cross_entropy(z, mp.asarray([1]))) == np.inf
    assert float(nn.cross_entropy(z, mp.asarray([[0.5, 0.5, 0.0]]))) == np.inf


def test_huber_far_out_is_linear():
    gradient = mp.grad(lambda p: nn.huber(p, mp.zeros(2), delta=2.0, reduction="sum"))(mp.asarray([1e30, -1e30]))
    np.testing.assert_array_equal(gradient, [2, -2])


# ── what does not fit ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [name for name in losses if name != "cross_entropy"])
@pytest.mark.parametrize(
    ("predictions", "targets", "fix"),
    [
        ((8, 1), (8,), r"the shape \(8, 1\): mp.expand_dims"),
        ((8,), (8, 1), r"the shape \(8,\): mp.squeeze"),
        ((8, 3), (8,), "the loss would be cross_entropy"),
        ((8, 3), (1, 3), "the same shape"),
        ((8, 3), (), "the same shape"),
    ],
)
def test_a_loss_never_broadcasts(name, predictions, targets, fix):
    with pytest.raises(ShapeError, match=fix) as caught:
        losses[name](mp.zeros(predictions), mp.zeros(targets))
    assert caught.value.message.startswith(f"{name}: predictions {predictions} and targets {targets} differ")
    assert caught.value.where.startswith("test_nn_losses.py:")


@pytest.mark.parametrize(
    ("shape", "targets", "error", "words"),
    [
        ((8, 3), mp.zeros((8, 1), dtype="int64"), ShapeError, r"given \(8, 1\)(?s:.*)shape \(8,\): mp.squeeze"),
        ((8, 3), mp.zeros((8, 4)), ShapeError, r"the targets have 4 classes: give the last layer out_features=4"),
        ((8, 3), mp.zeros((7,), dtype="int64"), ShapeError, r"takes classes of shape \(8,\).*given \(7,\)"),
        ((8, 3), mp.zeros((8,)), DTypeError, r"must be integers, given f32(?s:.*)targets.astype\(mp.int64\)"),
        ((8, 3), mp.zeros((8,), dtype="bool"), DTypeError, "must be integers, given bool"),
        ((8, 1), mp.zeros((8, 1), dtype="int64"), ShapeError, "fewer than 2 classes(?s:.*)binary_cross_entropy"),
        ((8, 1), mp.zeros((8,), dtype="int64"), ShapeError, "fewer than 2 classes"),
        ((), mp.zeros((), dtype="int64"), ShapeError, "fewer than 2 classes"),
        ((3, 3), np.array([0, 3, 1]), DataError, r"targets\[1\] is 3, .* 0 to 2(?s:.*)give the net 4 outputs"),
        ((3, 3), np.array([0, 1, -1]), DataError, r"targets\[2\] is -1, .*(?s:.*)number the classes from 0$"),
        ((1, 2, 3), np.array([[0, 9]]), DataError, r"targets\[0, 1\] is 9, "),
        ((2, 2), np.array([[0.5, 0.5], [0.5, 0.6]]), DataError, r"the sum of targets\[1\] is 1.1"),
        ((2, 2), np.array([[0.5, 0.5], [-0.5, 1.5]]), DataError, r"targets\[1, 0\] is -0.5"),
        ((1, 2), np.array([[np.nan, 1.0]]), DataError, r"targets\[0, 0\] is nan"),
    ],
)
def test_cross_entropy_says_what_it_takes(shape, targets, error, words):
    for call in (nn.cross_entropy, lambda z, t: mp.grad(lambda z: nn.cross_entropy(z, t))(z)):
        with pytest.raises(error, match=words) as caught:
            call(mp.zeros(shape), targets)
        assert caught.value.where.startswith("test_nn_losses.py:")


def test_targets_of_a_trace_without_values_are_not_looked_at():
    graph = mp.trace(nn.cross_entropy, mp.zeros((2, 3)), mp.asarray([0, 5]))
    np.testing.assert_allclose(mp.evaluate(graph, mp.zeros((2, 3)), mp.asarray([0, 2])), np.log(3), rtol=1e-6)


@pytest.mark.parametrize("wrong", [-1.0, 2.0, np.nan])
def test_binary_targets_are_probabilities(wrong):
    with pytest.raises(DataError, match=rf"targets\[1\] is {wrong:g}, and a target is a probability"):
        nn.binary_cross_entropy(mp.zeros(2), mp.asarray([1.0, wrong]))


@every_loss
def test_weights_fit_the_examples_and_are_not_negative(name, given, options):
    n = given[0].shape[0]
    with pytest.raises(ShapeError, match=rf"weights are one per example, \({n},\)"):
        losses[name](*given, weights=np.ones((1, n)), **options)
    with pytest.raises(ShapeError, match=rf"given \({n + 1},\)(?s:.*)fix: give {n} weights") as caught:
        losses[name](*given, weights=np.ones(n + 1), **options)
    assert caught.value.message.count(f"({n},)") == 1
    with pytest.raises(ShapeError, match=r"mp\.squeeze\(weights, axis=-1\)"):
        losses[name](*given, weights=np.ones((n, 1)), **options) if options.get("pairs") else losses[name](
            *given, weights=np.ones((n, 1, 1))[..., 0], **options
        )
    for wrong in (-1.0, np.nan, np.inf):
        with pytest.raises(DataError, match=rf"weights\[1\] is {wrong:g}"):
            losses[name](*given, weights=np.array([1.0, wrong] + [1.0] * (n - 2)), **options)
    with pytest.raises(DataError, match=f"all {n} weights are 0|all {n * 2} weights|all {n * 3} weights"):
        losses[name](*given, weights=np.zeros(n), **options)
    assert float(losses[name](*given, weights=np.zeros(n), reduction="sum", **options)) == 0


@every_loss
def test_an_unknown_reduction_is_refused(name, given, options):
    with pytest.raises(SettingError, match='"mean", "sum" or "none", not \'avg\''):
        losses[name](*given, reduction="avg", **options)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: nn.huber(mp.zeros(1), mp.zeros(1), delta=0), "delta is greater than 0"),
        (lambda: nn.huber(mp.zeros(1), mp.zeros(1), delta=float("nan")), "delta is greater than 0"),
        (lambda: nn.cross_entropy(logits, classes, label_smoothing=1.5), "from 0 to 1, not 1.5"),
    ],
)
def test_settings_out_of_range_are_refused(call, word):
    with pytest.raises(SettingError, match=word):
        call()


def test_errors_of_every_loss_are_maplets_own():
    for name, shape in itertools.product(losses, [(2,), (2, 3, 4, 5)]):
        with pytest.raises(MapletError):
            losses[name](mp.zeros((7, 7)), mp.zeros(shape))
