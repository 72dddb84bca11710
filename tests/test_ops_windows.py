"""Windows on an array and what is put together in them; convolution turned round: as PyTorch has them."""

import numpy as np
import pytest

import maplet as mp
from maplet.compiler.program import Program
from maplet.errors import SettingError, ShapeError
from native_laws import both, graph_for

rng = np.random.default_rng(0)

pools = [
    ((2, 8, 3), 2, {}),
    ((2, 9, 3), 3, {"strides": 2}),
    ((1, 7, 2), 3, {"strides": 1, "padding": "same"}),
    ((2, 6, 8, 3), 2, {}),
    ((2, 7, 9, 20), (2, 3), {"strides": (1, 2)}),
    ((1, 9, 9, 2), 3, {"strides": 2, "padding": 1}),
    ((1, 9, 7, 2), 2, {"strides": 1, "dilation": 2}),
    ((2, 4, 6, 4, 1), 2, {"padding": ((1, 1), (0, 0), (1, 0))}),
    ((1, 5, 1), 5, {}),
    ((0, 4, 2), 2, {}),
]


def by_loop(x, combiner, window, *, strides=None, dilation=1, padding="valid"):
    """Window by window; what lies outside of the array is left out."""
    count = x.ndim - 2
    sizes, steps = (np.broadcast_to(n, count) for n in (window, dilation))
    moves = sizes if strides is None else np.broadcast_to(strides, count)
    spans = (sizes - 1) * steps + 1
    if padding == "same":
        missing = [
            max((-(-n // s) - 1) * s + span - n, 0) for n, s, span in zip(x.shape[1:-1], moves, spans, strict=True)
        ]
        padding = [(n // 2, n - n // 2) for n in missing]
    margins = np.broadcast_to(0 if padding == "valid" else padding, (count, 2))
    padded = np.pad(x, [(0, 0), *margins, (0, 0)], constant_values=np.nan)
    places = [(n - span) // s + 1 for n, span, s in zip(padded.shape[1:-1], spans, moves, strict=True)]
    out = np.empty((x.shape[0], *places, x.shape[-1]))
    reduce = {"max": np.nanmax, "min": np.nanmin, "sum": np.nansum, "mean": np.nanmean}[combiner]
    for place in np.ndindex(*places):
        key = tuple(
            slice(p * s, p * s + span, step) for p, s, span, step in zip(place, moves, spans, steps, strict=True)
        )
        out[(slice(None), *place)] = reduce(padded[(slice(None), *key)], axis=tuple(range(1, count + 1)))
    return out


@pytest.mark.parametrize("combiner", ["max", "min", "sum", "mean"])
@pytest.mark.parametrize(("shape", "window", "options"), pools, ids=str)
def test_as_a_loop_over_windows_has_it(combiner, shape, window, options):
    x = rng.permutation(int(np.prod(shape))).reshape(shape) / 8 - 3
    graph = graph_for(lambda xs: [mp.reduce_window(xs[0], combiner, window, **options)], [x])
    (found,), (meant,) = both(graph, [x])
    np.testing.assert_allclose(meant, by_loop(x, combiner, window, **options), rtol=1e-12)
    np.testing.assert_allclose(found, meant, rtol=1e-12)
    assert not Program(graph).instructions.hosts
    if x.size:
        weights = mp.asarray(rng.normal(size=found.shape))
        mp.check_gradient(lambda x: mp.sum(mp.reduce_window(x, combiner, window, **options) * weights), mp.asarray(x))


def test_gradients_of_pooling_natively():
    x = rng.permutation(2 * 8 * 12 * 20).reshape(2, 8, 12, 20).astype("f4")
    for combiner, window, options in [
        ("max", 2, {}),
        ("mean", 3, {"strides": 2}),
        ("max", 3, {"strides": 1, "padding": 1}),
    ]:

        def loss(x, combiner=combiner, window=window, options=options):
            return mp.sum(mp.square(mp.reduce_window(x, combiner, window, **options)))

        np.testing.assert_allclose(mp.jit(mp.grad(loss))(mp.asarray(x)), mp.grad(loss)(mp.asarray(x)), rtol=1e-5)


def test_integers_have_limits_of_their_own():
    x = np.full((1, 3, 1), -5, np.int8)
    np.testing.assert_array_equal(mp.reduce_window(x, "max", 3, strides=1, padding=1)[0, :, 0], [-5, -5, -5])


def test_rows_of_a_batch():
    x = mp.asarray(rng.normal(size=(3, 2, 7, 4)))
    rows = mp.vmap(lambda x: mp.reduce_window(x, "max", 3, strides=2))(x)
    for n in range(3):
        np.testing.assert_array_equal(rows[n], mp.reduce_window(x[n], "max", 3, strides=2))


def test_errors_teach():
    with pytest.raises(SettingError, match="one of max, min, sum, mean"):
        mp.reduce_window(mp.zeros((1, 4, 1)), "median", 2)
    with pytest.raises(ShapeError, match="no spatial axis"):
        mp.reduce_window(mp.zeros((4, 1)), "max", 2)
    with pytest.raises(ShapeError, match="spans 5 elements, the padded axis has 4"):
        mp.reduce_window(mp.zeros((1, 4, 1)), "max", 3, dilation=2)
    with pytest.raises(SettingError, match="reduce_window: window"):
        mp.reduce_window(mp.zeros((1, 4, 1)), "max", 0)


# ── convolution turned round ─────────────────────────────────────────────────────────────────────

turned = [
    ((2, 5, 4), (3, 4, 6), {}),
    ((2, 5, 4), (3, 4, 6), {"strides": 2, "padding": 1, "output_padding": 1}),
    ((1, 4, 6, 4), (3, 2, 2, 6), {"strides": (2, 3), "groups": 2}),
    ((2, 5, 4, 3), (2, 3, 3, 2), {"dilation": (2, 1), "padding": 1}),
    ((1, 5, 2), (2, 2, 3), {"strides": 3, "padding": 1, "output_padding": 2}),
    ((1, 2, 3, 2, 2), (2, 2, 2, 2, 1), {"strides": 2}),
    ((1, 6, 1), (2, 1, 1), {"padding": 2}),
]


@pytest.mark.parametrize(("shape", "kernel", "options"), turned, ids=str)
def test_the_adjoint_of_convolution(shape, kernel, options):
    torch = pytest.importorskip("torch")
    x, w = rng.normal(size=shape), rng.normal(size=kernel)
    count, groups = x.ndim - 2, options.get("groups", 1)
    # PyTorch: (inputs, outputs / groups, kernel…), the inputs of all groups one after another
    inputs, outputs = kernel[-2], kernel[-1] // groups
    theirs = np.moveaxis(w.reshape(*kernel[:-2], inputs, groups, outputs), (-2, -3), (0, 1))
    theirs = np.moveaxis(theirs.reshape(groups * inputs, *kernel[:-2], outputs), -1, 1)
    names = {"strides": "stride"}
    expected = getattr(torch.nn.functional, f"conv_transpose{count}d")(
        torch.from_numpy(np.moveaxis(x, -1, 1).copy()), torch.from_numpy(theirs.copy()),
        **{names.get(name, name): value for name, value in options.items()},
    )  # fmt: skip
    found = mp.conv_transpose(x, w, **options)
    np.testing.assert_allclose(found, np.moveaxis(expected.numpy(), 1, -1), rtol=1e-10, atol=1e-12)
    compiled = mp.jit(lambda x, w: mp.conv_transpose(x, w, **options))(mp.asarray(x), mp.asarray(w))
    np.testing.assert_allclose(compiled, found, rtol=1e-10, atol=1e-12)
    mp.check_gradient(lambda x, w: mp.sum(mp.square(mp.conv_transpose(x, w, **options))), mp.asarray(x), mp.asarray(w))


def test_same_padding_multiplies_the_length():
    x, w = mp.zeros((1, 5, 7, 2)), mp.zeros((3, 4, 2, 3))
    assert mp.conv_transpose(x, w, strides=(2, 3), padding="same").shape == (1, 10, 21, 3)


def test_it_undoes_the_shape_of_convolution():
    x, w = mp.asarray(rng.normal(size=(1, 9, 2))), mp.asarray(rng.normal(size=(3, 2, 4)))
    y = mp.conv(x, w, strides=2, padding=1)
    back = mp.conv_transpose(y, mp.permute_dims(w, (0, 2, 1)), strides=2, padding=1)
    assert back.shape == x.shape
    cotangent = mp.vjp(lambda x: mp.conv(x, w, strides=2, padding=1), x)[1](y)[0]
    np.testing.assert_allclose(back, cotangent, rtol=1e-10)


def test_what_cannot_be_is_said():
    with pytest.raises(SettingError, match="output_padding=2"):
        mp.conv_transpose(mp.zeros((1, 5, 2)), mp.zeros((3, 2, 1)), strides=2, output_padding=2)
    with pytest.raises(ShapeError, match="leaves nothing"):
        mp.conv_transpose(mp.zeros((1, 2, 1)), mp.zeros((1, 1, 1)), padding=2)
    with pytest.raises(ShapeError, match="channels last"):
        mp.conv_transpose(mp.zeros((5, 2)), mp.zeros((3, 2, 1)))


def test_the_mean_of_halves_whose_sum_is_none():
    x = mp.full((1, 4, 1), 40_000.0, dtype="float16")
    for padding in ("valid", "same"):
        found = mp.reduce_window(x, "mean", 2, strides=1, padding=padding)
        np.testing.assert_array_equal(found, np.full(found.shape, 40_000.0, np.float16), strict=True)
