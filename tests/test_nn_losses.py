"""Laws that hold for every loss: derivatives, reductions and weights, errors that teach."""

import inspect
import itertools

import numpy as np
import pytest

import maplet as mp
from layer_examples import some_elements
from loss_examples import (
    binary,
    cases,
    classes,
    counts,
    couples_examples,
    every_loss,
    every_loss_in_time,
    examples,
    letters,
    logarithms,
    logits,
    per_row,
    per_row_of_values,
    probabilities,
    real,
    sounds,
    spoken,
    takes_pairs,
    vectors,
)  # fmt: skip
from maplet import nn
from maplet.errors import DataError, DTypeError, MapletError, SettingError, ShapeError
from maplet.nn.losses import losses


def test_every_loss_has_an_example_and_is_public():
    assert set(examples) == set(losses)
    assert all(getattr(nn, name) is loss for name, loss in losses.items())


@every_loss
@pytest.mark.parametrize(
    ("reduction", "weighted"),
    [
        ("mean", True),
        ("none", False),
        *[
            pytest.param(*pair, marks=pytest.mark.slow)
            for pair in (("mean", False), ("none", True), ("sum", False), ("sum", True))
        ],
    ],
)
@some_elements
def test_gradients_agree_with_central_differences(name, given, options, *, reduction, weighted, most):
    weights = per_row(given) if weighted else None
    report = mp.check_gradient(
        lambda *xs: losses[name](*xs, reduction=reduction, weights=weights, **options), *given, max_entries=most
    )
    assert report.passed, str(report)


@every_loss
@some_elements
def test_gradients_of_gradients_agree_with_central_differences(name, given, options, most):
    report = mp.check_gradient(mp.grad(lambda p: losses[name](p, *given[1:], **options)), given[0], max_entries=most)
    assert report.passed, str(report)


@every_loss
def test_reductions_and_weights_mean_what_they_say(name, given, options):
    loss = losses[name]
    w = per_row(given)
    values = loss(*given, reduction="none", **options).numpy()
    spread = np.broadcast_to(w.reshape(-1, *[1] * (values.ndim - 1)), values.shape)
    rows = given[0].shape[:1] if name in {"dice", "ctc"} else given[0].shape[:-1]
    assert values.shape == (rows if name in per_row_of_values | {"dice", "ctc"} else given[0].shape)
    close = {"rtol": 1e-12}
    np.testing.assert_allclose(loss(*given, **options), values.mean(), **close)
    np.testing.assert_allclose(loss(*given, reduction="sum", **options), values.sum(), **close)
    np.testing.assert_allclose(loss(*given, reduction="none", weights=w, **options), spread * values, **close)
    np.testing.assert_allclose(loss(*given, reduction="sum", weights=w, **options), (spread * values).sum(), **close)
    np.testing.assert_allclose(loss(*given, weights=w, **options), (spread * values).sum() / spread.sum(), **close)
    np.testing.assert_allclose(loss(*given, weights=spread, **options), loss(*given, weights=w, **options), **close)


@pytest.mark.parametrize(("name", "given", "options"), [c for c in cases if c.values[0] not in couples_examples])
def test_a_weight_of_2_is_an_example_given_twice(name, given, options):
    weights = np.arange(given[0].shape[0])
    repeated = [np.repeat(array, weights, axis=0) for array in given]
    weighted = losses[name](*given, weights=weights, **options)
    np.testing.assert_allclose(weighted, losses[name](*repeated, **options), rtol=1e-12)


@every_loss_in_time
def test_vmap_and_jit_give_what_the_loss_itself_gives(name, given, options):
    """Values and gradients of two sets of examples at once, compiled and not."""
    both = [np.stack([array, array[::-1]]) for array in given]
    loss = lambda p, *others: losses[name](p, *others, **options)
    expected = [mp.value_and_grad(loss)(*(array[n] for array in both)) for n in range(2)]
    for call in (mp.vmap(mp.value_and_grad(loss)), mp.jit(mp.vmap(mp.value_and_grad(loss)))):
        values, gradients = call(*both)
        np.testing.assert_allclose(values, [float(value) for value, _ in expected], rtol=1e-12)
        np.testing.assert_allclose(gradients, np.stack([g for _, g in expected]), rtol=1e-10, atol=1e-14)


@every_loss
def test_there_is_nothing_to_lint(name, given, options):
    weights = np.ones(given[0].shape[0])
    assert mp.lint(lambda *xs: losses[name](*xs, weights=weights, **options), batch=tuple(given)) == []


@every_loss
def test_the_loss_keeps_the_dtype_of_the_predictions(name, given, options):
    for dtype in ("float16", "float32", "float64"):
        xs = [array.astype(dtype) if array.dtype.kind == "f" else array for array in given]
        chosen = {k: v.astype(dtype) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        assert losses[name](*xs, **chosen).dtype == dtype


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


@pytest.mark.parametrize("size", [1e2, 1e4, 1e30])
def test_focal_losses_of_huge_logits_are_finite(size):
    z = mp.asarray([[size, -size], [size, -size]])
    for gamma in (0.0, 0.5, 1.0, 2.0):
        focal = lambda z, gamma=gamma: nn.focal(z, mp.asarray([0, 1]), gamma=gamma, reduction="sum")
        value, gradient = mp.value_and_grad(focal)(z)
        np.testing.assert_allclose(float(value), 2 * size, rtol=1e-6)
        np.testing.assert_allclose(gradient, [[0, 0], [1, -1]], atol=1e-7)
        binary = lambda z, gamma=gamma: nn.binary_focal(z, mp.asarray([[1, 0], [0, 1]]), gamma=gamma, reduction="none")
        np.testing.assert_allclose(binary(z), [[0, 0], [size, size]], rtol=1e-6, atol=1e-43)  # e^−100 is no 0
        gradient = mp.grad(lambda z: mp.sum(binary(z)))(z)  # noqa: B023  (called at once)
        np.testing.assert_allclose(gradient, [[0, 0], [1, -1]], atol=1e-7)


def test_focal_losses_with_gamma_0_are_cross_entropies():
    close = {"rtol": 1e-12}
    np.testing.assert_allclose(nn.focal(logits, classes, gamma=0), nn.cross_entropy(logits, classes), **close)
    np.testing.assert_allclose(nn.binary_focal(*binary, gamma=0), nn.binary_cross_entropy(*binary), **close)


def test_what_has_probability_0_on_both_sides_costs_nothing():
    a, q = np.log([[1.0, 1e-300, 0.5]])[:, :2], np.array([[1.0, 0.0]])
    a[0, 1] = -np.inf
    for targets, options in ((q, {}), (a, {"log_targets": True})):
        value, gradient = mp.value_and_grad(lambda a, t=targets, o=options: nn.kl_divergence(a, t, **o))(a)
        assert float(value) == 0
        np.testing.assert_array_equal(gradient, [[-1, 0]])
    assert float(nn.kl_divergence(a, np.array([[0.5, 0.5]]))) == np.inf
    rates = np.array([0.0, 2.0])
    loss = lambda p: nn.poisson_likelihood(p, np.array([0.0, 0.0]), logarithms=False, reduction="sum")
    assert float(loss(rates)) == 2
    np.testing.assert_array_equal(mp.grad(loss)(rates), [1, 1])


def test_a_variance_below_the_floor_counts_as_the_floor_and_can_rise():
    p, t, v = np.array([1.0, 1.0]), np.array([1.0, 2.0]), np.array([0.0, 0.25])
    value, gradient = mp.value_and_grad(lambda v: nn.gaussian_likelihood(p, t, v, floor=0.5, reduction="sum"))(v)
    np.testing.assert_allclose(float(value), np.log(0.5) + 1, rtol=1e-12)
    np.testing.assert_allclose(gradient, [1, 1 - 2], rtol=1e-12)  # 1/(2v) − e²/(2v²) at v = ½


def test_equal_vectors_and_vectors_of_length_0_have_finite_gradients():
    zero, one = np.zeros((1, 3)), np.ones((1, 3))
    for x in (zero, one):
        gradients = mp.grad(nn.triplet, argnums=(0, 1, 2))(x, x, x)
        assert all(np.array_equal(g, zero) for g in gradients)
    assert float(nn.cosine(zero, one)) == 1
    for loss in (nn.cosine, nn.info_nce, nn.contrastive):
        assert np.isfinite(mp.grad(loss)(zero, one)).all()


# ── weights of 0 ─────────────────────────────────────────────────────────────────────────────────


def test_class_weights_and_masks_of_cross_entropy():
    """PyTorch's weight= and ignore_index=."""
    torch = pytest.importorskip("torch")
    of_classes, mask = np.array([0.5, 2.0, 1.0, 3.0]), np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    functional, p = torch.nn.functional, torch.tensor(logits, requires_grad=True)
    theirs = functional.cross_entropy(p, torch.tensor(classes), weight=torch.tensor(of_classes))
    theirs.backward()
    ours = lambda z: nn.cross_entropy(z, classes, weights=mp.take(of_classes, classes))
    np.testing.assert_allclose(ours(logits), theirs.detach(), rtol=1e-12)
    np.testing.assert_allclose(mp.grad(ours)(logits), p.grad, rtol=1e-11, atol=1e-15)
    ignored = torch.tensor(np.where(mask == 0, -100, classes))
    masked = functional.cross_entropy(torch.tensor(logits), ignored)
    np.testing.assert_allclose(nn.cross_entropy(logits, classes, weights=mask), masked, rtol=1e-12)


@pytest.mark.parametrize("wrong", [1e30, np.inf, -np.inf, np.nan])
def test_what_is_masked_counts_for_nothing_whatever_it_is(wrong):
    z = logits.copy()
    z[2] = [wrong, 0.0, -wrong, 1.0]
    mask = np.array([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    loss = lambda z: nn.cross_entropy(z, classes, weights=mask)
    kept = mask == 1
    np.testing.assert_allclose(loss(z), nn.cross_entropy(logits[kept], classes[kept]), rtol=1e-12)
    expected = mp.grad(lambda z: nn.cross_entropy(z, classes[kept]))(logits[kept])
    found = mp.grad(loss)(z).numpy()
    np.testing.assert_allclose(found[kept], expected, rtol=1e-11, atol=1e-15)


# ── what does not fit ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", takes_pairs)
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
        (lambda: nn.huber(mp.zeros(1), mp.zeros(1), delta=0), "delta=.*: expected a finite number > 0"),
        (lambda: nn.huber(mp.zeros(1), mp.zeros(1), delta=float("nan")), "delta=.*: expected a finite number > 0"),
        (
            lambda: nn.cross_entropy(logits, classes, label_smoothing=1.5),
            "expected a finite number ≥ 0 and ≤ 1",
        ),
        (lambda: nn.quantile(mp.zeros(1), mp.zeros(1), level=1.0), r"level=1\.0: expected a finite number > 0 and < 1"),
        (lambda: nn.focal(logits, classes, gamma=-1), "gamma=.*: expected a finite number ≥ 0"),
        (lambda: nn.binary_focal(*binary, gamma=float("nan")), "gamma=.*: expected a finite number ≥ 0"),
        (lambda: nn.binary_focal(*binary, alpha=2), "alpha=2: expected a finite number ≥ 0 and ≤ 1"),
        (lambda: nn.dice(*binary, smooth=0), "smooth=.*: expected a finite number > 0"),
        (lambda: nn.hinge(logits, classes, margin=0), "margin=.*: expected a finite number > 0"),
        (lambda: nn.binary_hinge(*binary, margin=-1), "margin=.*: expected a finite number > 0"),
        (lambda: nn.triplet(*vectors, margin=0), "margin=.*: expected a finite number > 0"),
        (lambda: nn.info_nce(*vectors[:2], temperature=0), "temperature=.*: expected a finite number > 0"),
        (lambda: nn.contrastive(*vectors[:2], temperature=-1), "temperature=.*: expected a finite number > 0"),
        (lambda: nn.gaussian_likelihood(*vectors, floor=0), "floor=.*: expected a finite number > 0"),
        (lambda: nn.ctc(*spoken, blank=3), "blank=3: expected an integer from 0 to 2"),
    ],
)
def test_settings_out_of_range_are_refused(call, word):
    with pytest.raises(SettingError, match=word):
        call()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.focal(logits, probabilities), ShapeError, r"focal takes classes of shape \(6,\) for"),
        (lambda: nn.focal(logits, classes + 3), DataError, r"focal: targets\[\d\] is [456], and the logits have 4"),
        (lambda: nn.focal(logits, classes, alpha=[1.0]), ShapeError, "give 4 numbers, one for each class"),
        (lambda: nn.focal(logits, classes, alpha=[1.0, -1.0, 1.0, 1.0]), DataError, r"alpha\[1\] is -1"),
        (lambda: nn.hinge(logits, classes * 1.0), DTypeError, "must be integers, given f64"),
        (lambda: nn.hinge(logits[:, :1], classes), ShapeError, "fewer than 2 classes(?s:.*)use binary_hinge"),
        (lambda: nn.binary_hinge([1.0], [-1.0]), DataError, r"targets\[0\] is -1(?s:.*)\(targets \+ 1\) / 2"),
        (lambda: nn.binary_focal([1.0], [2.0]), DataError, "for more than two use focal"),
        (lambda: nn.dice([1.0], [1.0]), ShapeError, r"the masks of examples, \(N, …\), given \(1,\)"),
        (
            lambda: nn.triplet(*vectors[:2], vectors[0][1:]),
            ShapeError,
            r"anchors \(6, 3\) and negatives \(5, 3\) differ",
        ),
        (lambda: nn.triplet(1.0, 1.0, 1.0), ShapeError, "anchors are vectors"),
        (lambda: nn.cosine(1.0, 1.0), ShapeError, "predictions are vectors"),
        (lambda: nn.info_nce(vectors[0], vectors[0][1:]), ShapeError, r"first \(6, 3\) and second \(5, 3\) differ"),
        (lambda: nn.contrastive(vectors, vectors), ShapeError, r"rows of vectors, \(N, features\), given \(3, 6, 3\)"),
        (
            lambda: nn.kl_divergence(logits, probabilities),
            DataError,
            r"e\^predictions\[0\](?s:.*)mp.log_softmax\(logits\)",
        ),
        (lambda: nn.kl_divergence(logarithms, logarithms), DataError, r"targets\[0, 0\] is -"),
        (lambda: nn.kl_divergence(logarithms, logits, log_targets=True), DataError, r"the sum of e\^targets\[0\]"),
        (lambda: nn.gaussian_likelihood(*real, real[0]), DataError, "all variances are 0 or greater(?s:.*)mp.softplus"),
        (lambda: nn.poisson_likelihood(*real), DataError, "all targets are 0 or greater(?s:.*)mse"),
        (lambda: nn.poisson_likelihood(*counts, logarithms=False), DataError, "all predictions are 0 or greater"),
        (lambda: nn.ctc(sounds[0], *spoken[1:]), ShapeError, r"takes predictions \(N, T, C\), given \(4, 3\)"),
        (lambda: nn.ctc(sounds, letters[0], *spoken[2:]), ShapeError, r"targets of shape \(5, L\) for .* given \(2,\)"),
        (lambda: nn.ctc(sounds, letters, [4], spoken[3]), ShapeError, r"lengths of shape \(5,\) for .* given \(1,\)"),
        (lambda: nn.ctc(sounds, letters * 1.0, *spoken[2:]), DTypeError, "integers as targets, given f64"),
        (
            lambda: nn.ctc(sounds, letters, spoken[2] + 1, spoken[3]),
            DataError,
            r"lengths\[0\] is 5, and the predictions have 4",
        ),
        (
            lambda: nn.ctc(sounds, letters, spoken[2], spoken[3] + 1),
            DataError,
            r"target_lengths\[0\] is 3, and the targets have 2",
        ),
        (
            lambda: nn.ctc(sounds, letters, spoken[2], np.full(5, 2)),
            DataError,
            r"targets\[1, 1\] is 9; targets are classes",
        ),
        (lambda: nn.ctc(*spoken, blank=2), DataError, r"targets\[0, 1\] is 2; .* without the blank, 2"),
        (lambda: nn.ctc(sounds + 1, *spoken[1:]), DataError, r"the sum of e\^predictions\[0, 0\] is 2\.7"),
    ],
)
def test_losses_say_what_they_take(call, error, words):
    with pytest.raises(error, match=words) as caught:
        call()
    assert caught.value.where.startswith("test_nn_losses.py:")


@pytest.mark.parametrize("loss", [nn.info_nce, nn.contrastive])
def test_a_temperature_can_be_learned(loss):
    first, second = (mp.asarray(one) for one in np.random.default_rng(0).normal(size=(2, 5, 3)))
    at = lambda t: loss(first, second, temperature=t)
    learned = mp.jit(mp.grad(at))(mp.asarray(0.3, dtype="float64"))
    assert float(learned) == pytest.approx((float(at(0.3 + 1e-6)) - float(at(0.3 - 1e-6))) / 2e-6, rel=1e-5)


def test_errors_of_every_loss_are_maplets_own():
    for name, shape in itertools.product(losses, [(2,), (2, 3, 4, 5)]):
        arrays = [p for p in inspect.signature(losses[name]).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        with pytest.raises(MapletError):
            losses[name](mp.zeros((7, 7)), *[mp.zeros(shape)] * (len(arrays) - 1))
