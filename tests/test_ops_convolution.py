"""`mp.conv` against plain loops, PyTorch, JAX and finite differences; the laws of its record stand in the law tests."""

# A case is one line of a table.
# ruff: noqa: E501

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maplet as mp
from maplet.core.graph import in_order
from maplet.core.primitive import registry
from maplet.errors import DTypeError, GraphError, SettingError, ShapeError


def numbers(*shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def by_loops(x, w, *, strides, dilation, groups, margins):
    """The definition, one product after the other, with the zeros around x never made."""
    count = x.ndim - 2
    inputs, outputs = w.shape[-2:]
    places = [
        (n + low + high - (k - 1) * d - 1) // s + 1
        for n, (low, high), k, d, s in zip(x.shape[1:], margins, w.shape, dilation, strides, strict=False)
    ]
    out = np.zeros((x.shape[0], *places, outputs), x.dtype)
    for n, *p, o in np.ndindex(*out.shape):
        group = o // (outputs // groups)
        for *k, i in np.ndindex(*w.shape[:-1]):
            at = [p[a] * strides[a] + k[a] * dilation[a] - margins[a][0] for a in range(count)]
            if all(0 <= position < length for position, length in zip(at, x.shape[1:], strict=False)):
                with np.errstate(over="ignore"):  # integers wrap
                    out[(n, *p, o)] += x[(n, *at, group * inputs + i)] * w[(*k, i, o)]
    return out


@st.composite
def settings_of_conv(draw, *, max_axes=3):
    """Shapes of x and w that fit, and everything that can be set, margins on both sides apart."""
    count = draw(st.integers(1, max_axes))

    def for_each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(count))

    kernel, strides, dilation = for_each(1, 3), for_each(1, 3), for_each(1, 2)
    margins = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(count))
    more = for_each(0, 4 - count)
    spatial = tuple(
        max((k - 1) * d + 1 - low - high, 1) + m
        for k, d, (low, high), m in zip(kernel, dilation, margins, more, strict=True)
    )
    examples, groups, inputs, outputs = (draw(st.integers(1, n)) for n in (2, 3, 2, 2))
    x, w = (examples, *spatial, groups * inputs), (*kernel, inputs, groups * outputs)
    return x, w, {"strides": strides, "dilation": dilation, "groups": groups}, margins


# ── values ───────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=60, deadline=None)
@given(case=settings_of_conv(), dtype=st.sampled_from([np.float64, np.int64, np.uint8]))
def test_the_value_is_that_of_plain_loops(case, dtype):
    shape_of_x, shape_of_w, how, margins = case
    x, w = (
        (9 * numbers(*shape, seed=n)).astype(np.int64).astype(dtype) for n, shape in enumerate((shape_of_x, shape_of_w))
    )
    found = mp.conv(x, w, **how, padding=margins)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, by_loops(x, w, **how, margins=margins))  # integers: the same in any order


@pytest.mark.parametrize("count", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_value_and_gradients_agree_with_pytorch(count):
    torch = pytest.importorskip("torch")
    settings(max_examples=count, deadline=None)(given(case=settings_of_conv())(lambda case: beside(torch, case)))()


def beside(torch, case):
    shape_of_x, shape_of_w, how, margins = case
    count = len(margins)
    x, w = numbers(*shape_of_x), numbers(*shape_of_w, seed=1)
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, w)]
    first = (0, count + 1, *range(1, count + 1))  # (N, C, spatial…)
    padded = torch.nn.functional.pad(
        tensors[0].permute(first).contiguous(), [m for pair in reversed(margins) for m in pair]
    )
    theirs = getattr(torch.nn.functional, f"conv{count}d")
    kernel = tensors[1].permute((count + 1, count, *range(count))).contiguous()  # (O, C / groups, kernel…)
    expected = theirs(padded, kernel, stride=how["strides"], dilation=how["dilation"], groups=how["groups"])
    expected = expected.permute((0, *range(2, count + 2), 1))
    value, pullback = mp.vjp(lambda x, w: mp.conv(x, w, **how, padding=margins), x, w)
    np.testing.assert_allclose(value, expected.detach(), rtol=1e-11, atol=1e-12)
    cotangent = numbers(*value.shape, seed=2)
    expected.backward(torch.tensor(cotangent))
    for found, tensor in zip(pullback(cotangent), tensors, strict=True):
        np.testing.assert_allclose(found, tensor.grad, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_keep_their_dtype_and_are_as_exact_as_products_of_matrices(dtype):
    x, w = numbers(2, 6, 5, 4, dtype=dtype), numbers(3, 2, 4, 3, dtype=dtype)
    exact = by_loops(*(a.astype(np.float64) for a in (x, w)), strides=(1, 1), dilation=(1, 1), groups=1, margins=[(0, 0)] * 2)  # fmt: skip
    found = mp.conv(x, w)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, exact, rtol=0, atol=24 * 4 * np.finfo(dtype).eps)


def test_a_kernel_of_length_one_is_a_product_of_matrices():
    x, w = numbers(2, 3, 4, 5), numbers(1, 1, 5, 6)
    np.testing.assert_array_equal(mp.conv(x, w), mp.matmul(x, w[0, 0]))


def test_dtypes_meet_as_elsewhere():
    x, w = numbers(1, 4, 2, dtype=np.float32), np.arange(4).reshape((2, 2, 1))
    assert mp.conv(x, w).dtype == np.float32
    assert mp.conv(x, w.astype(np.float64)).dtype == np.float64
    assert mp.conv(w.astype(np.int8), w.astype(np.int16).reshape((2, 1, 2))).dtype == np.int16


@pytest.mark.parametrize(("x", "w", "out"), [
    ((0, 4, 3), (2, 3, 5), (0, 3, 5)), ((2, 4, 0), (2, 0, 5), (2, 3, 5)), ((2, 4, 3), (2, 3, 0), (2, 3, 0)),
    ((0, 4, 3, 2), (2, 3, 2, 5), (0, 3, 1, 5)),
])  # fmt: skip
def test_no_examples_and_no_channels(x, w, out):
    value, pullback = mp.vjp(mp.conv, numbers(*x), numbers(*w))
    assert value.shape == out
    assert not np.any(value.numpy())
    dx, dw = pullback(np.ones(out))
    assert (dx.shape, dw.shape) == (x, w)
    assert not np.any(dx.numpy())
    assert not np.any(dw.numpy())


# ── padding ──────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=25, deadline=None)
@given(case=settings_of_conv(max_axes=2))
def test_same_is_what_jax_calls_same(case):
    jax = pytest.importorskip("jax")
    shape_of_x, shape_of_w, how, margins = case
    count = len(margins)
    x, w = numbers(*shape_of_x, dtype=np.float32), numbers(*shape_of_w, dtype=np.float32, seed=1)
    letters = "HW"[:count]
    expected = jax.lax.conv_general_dilated(
        x, w, how["strides"], "SAME", rhs_dilation=how["dilation"], feature_group_count=how["groups"],
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
    )  # fmt: skip
    found = mp.conv(x, w, **how, padding="same")
    assert found.shape == expected.shape
    assert found.shape[1:-1] == tuple(-(-n // s) for n, s in zip(x.shape[1:-1], how["strides"], strict=True))
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


def test_same_with_an_even_kernel_has_the_odd_zero_behind():
    x, w = numbers(2, 5, 6, 3), numbers(4, 2, 3, 2)
    np.testing.assert_array_equal(mp.conv(x, w, padding="same"), mp.conv(x, w, padding=((1, 2), (0, 1))))
    np.testing.assert_array_equal(
        mp.conv(x, w, padding="same", strides=2), mp.conv(x, w, padding=((1, 2), (0, 0)), strides=2)
    )


@pytest.mark.parametrize(("dilation", "strides"), [(1, 1), (3, 1), (2, 3)])
def test_causal_sees_nothing_that_comes_after(dilation, strides):
    x, w = numbers(1, 7, 2), numbers(3, 2, 2)

    def f(x):
        return mp.conv(x, w, padding="causal", dilation=dilation, strides=strides)

    assert f(x).shape == (1, -(-7 // strides), 2)
    seen = np.any(mp.jacobian(f)(x).numpy(), axis=(0, 2, 3, 5))  # place, time
    for place, row in enumerate(seen):
        expected = {place * strides - dilation * k for k in range(3)} & set(range(7))
        assert set(np.flatnonzero(row)) == expected


def test_an_integer_pads_every_side():
    x, w = numbers(2, 3, 4, 3), numbers(2, 3, 3, 2)
    around = mp.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    for two in (2, np.int64(2), ((2, 2), [2, 2])):
        np.testing.assert_array_equal(mp.conv(x, w, padding=two), mp.conv(around, w))
    np.testing.assert_array_equal(mp.conv(x, w, padding=0), mp.conv(x, w, padding="valid"))


def test_padding_makes_room_for_a_kernel_longer_than_the_input():
    x, w = numbers(1, 2, 1), numbers(5, 1, 1)
    np.testing.assert_allclose(
        mp.conv(x, w, padding="same")[0, :, 0], [x[0, :, 0] @ w[2:4, 0, 0], x[0, :, 0] @ w[1:3, 0, 0]]
    )


# ── derivatives ──────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=15, deadline=None)
@given(case=settings_of_conv(max_axes=2))
def test_derivatives_of_every_order_are_those_of_finite_differences(case):
    shape_of_x, shape_of_w, how, margins = case
    x, w = numbers(*shape_of_x), numbers(*shape_of_w, seed=1)
    u, v = 0.3 * numbers(*shape_of_x, seed=2), 0.3 * numbers(*shape_of_w, seed=3)

    def f(x, w):
        return mp.sum(mp.tanh(mp.conv(x, w, **how, padding=margins)))

    def along(g):
        def derivative(x, w):
            dx, dw = mp.grad(g, (0, 1))(x, w)
            return mp.sum(dx * u) + mp.sum(dw * v)

        return derivative

    first, second, third = along(f), along(along(f)), along(along(along(f)))
    step = 1e-5
    for lower, higher in ((f, first), (first, second), (second, third)):
        ahead, back = (float(lower(x + s * u, w + s * v)) for s in (step, -step))
        assert float(higher(x, w)) == pytest.approx((ahead - back) / (2 * step), rel=1e-6, abs=1e-7)


def names(graph):
    return [node.primitive.name for node in in_order(graph.outputs)]


def test_a_gradient_is_convolutions_and_only_what_is_wanted_is_computed():
    """One for the kernel; for the input one for each phase of the strides that a tap falls on."""
    x, w = mp.zeros((2, 7, 7, 4)), mp.zeros((3, 3, 2, 6))

    def f(x, w):
        return mp.sum(mp.conv(x, w, strides=2, groups=2, padding="same"))

    for argnums, count in ((0, 4), (1, 1), ((0, 1), 5)):
        assert names(mp.trace(mp.grad(f, argnums), x, w)).count("conv") == count
        assert names(mp.trace(mp.value_and_grad(f, argnums), x, w)).count("conv") == count + 1
    x, w, g = mp.zeros((2, 7, 1, 4)), mp.zeros((3, 1, 4, 6)), mp.zeros((2, 5, 1, 6))
    for needed in itertools.product((True, False), repeat=2):
        found = registry["conv"].gradient(g, g, x, w, needed=needed, strides=(1,), dilation=(1,))
        assert [cotangent is not None for cotangent in found] == list(needed)


def test_elements_that_no_window_reaches_have_gradient_zero():
    x, w = numbers(1, 8, 1), numbers(2, 1, 1)
    dx = mp.grad(lambda x: mp.sum(mp.conv(x, w, strides=3)))(x)
    np.testing.assert_array_equal(dx[0, :, 0], [*w[:, 0, 0], 0, *w[:, 0, 0], 0, *w[:, 0, 0]])
    assert mp.grad(lambda x: mp.sum(mp.conv(x, w, strides=4)))(x)[0, 6:].tolist() == [[0], [0]]


# ── many at once ─────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=25, deadline=None)
@given(
    case=settings_of_conv(max_axes=2),
    axes=st.sampled_from([(0, 0), (0, None), (None, 0), (2, 1)]),
    rows=st.integers(1, 3),
)
def test_vmap_is_a_loop(case, axes, rows):
    shape_of_x, shape_of_w, how, margins = case

    def f(x, w):
        return mp.conv(x, w, **how, padding=margins)

    arrays = [
        numbers(*shape) if axis is None else numbers(*shape[:axis], rows, *shape[axis:])
        for shape, axis in zip((shape_of_x, shape_of_w), axes, strict=True)
    ]
    one_by_one = [
        [a if axis is None else np.take(a, row, axis=axis) for a, axis in zip(arrays, axes, strict=True)]
        for row in range(rows)
    ]
    expected = np.stack([f(*row).numpy() for row in one_by_one])
    np.testing.assert_allclose(mp.vmap(f, in_axes=axes)(*arrays), expected, rtol=1e-11, atol=1e-12)

    gradients = mp.grad(lambda x, w: mp.sum(mp.square(f(x, w))), (0, 1))
    found = mp.vmap(gradients, in_axes=axes)(*arrays)
    for n, gradient in enumerate(found):
        expected = np.stack([gradients(*row)[n].numpy() for row in one_by_one])
        np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0)])
def test_rows_are_one_convolution_in_which_nothing_is_repeated(axes):
    x, w = (mp.zeros((3,) * (a is not None) + s) for a, s in zip(axes, [(2, 5, 4), (2, 4, 6)], strict=True))
    graph = mp.trace(mp.vmap(mp.conv, in_axes=axes), x, w)
    (node,) = [n for n in in_order(graph.outputs) if n.primitive.name == "conv"]
    assert [child.type.size for child in node.inputs] == [x.size, w.size]
    assert "broadcast_to" not in names(graph)


# ── print and errors ─────────────────────────────────────────────────────────────────────────────


def test_it_is_written_in_affine_positions_and_read_back():
    graph = mp.trace(
        lambda x, w: mp.conv(x, w, strides=2, dilation=(1, 3)), mp.zeros((1, 4, 7, 2)), mp.zeros((3, 2, 2, 5))
    )
    (node,) = [n for n in in_order(graph.outputs) if n.primitive.name == "conv"]
    access = node.primitive.access(*[child.type for child in node.inputs], **node.params)
    assert str(access) == "out[i,j,k,l,m] = Σ_n Σ_p Σ_q x[i,j·2 + n,k·2 + p·3,l,q]·y[n,p,l,q,m]"
    assert str(mp.parse(str(graph))) == str(graph)


image, kernel = mp.ones((2, 5, 6, 4)), mp.ones((3, 3, 4, 8))
sequence, weights = mp.ones((2, 5, 4)), mp.ones((3, 4, 8))
refused = {
    "a kernel too long": (lambda: mp.conv(sequence, mp.ones((7, 4, 8))), ShapeError, r"axis 0 the kernel has length 7, which is longer than the padded input, of length 5(?s:.*)same"),
    "a kernel spread too far": (lambda: mp.conv(image, kernel, dilation=(1, 3)), ShapeError, "axis 1 the kernel has length 3 and spans 7 elements, as dilation is 3, which is longer .* length 6"),
    "a kernel too long for the padding": (lambda: mp.conv(sequence, mp.ones((9, 4, 8)), padding=1), ShapeError, "of length 7"),
    "a kernel of nothing": (lambda: mp.conv(sequence, weights[:0]), ShapeError, "1 or more"),
    "no spatial axis": (lambda: mp.conv(mp.ones((2, 4)), weights), ShapeError, r"\(2, 4\)(?s:.*)no spatial axis(?s:.*)\(N, spatial…, C\)"),
    "a number": (lambda: mp.conv(3.0, weights), ShapeError, "no spatial axis"),
    "a kernel of other axes": (lambda: mp.conv(image, weights), ShapeError, "the kernel has 1 spatial axes, x has 2"),
    "channels first": (lambda: mp.conv(mp.moveaxis(image, -1, 1), kernel), ShapeError, r"6 channels, w takes 4(?s:.*)mp\.moveaxis\(x, 1, -1\)"),
    "groups forgotten": (lambda: mp.conv(image, mp.ones((3, 3, 2, 8))), ShapeError, r"4 channels, w takes 2 in each of 1 groups(?s:.*)groups=2"),
    "channels that do not fit": (lambda: mp.conv(image, mp.ones((3, 3, 3, 8))), ShapeError, r"4 channels, w takes 3(?s:.*)C / groups"),
    "outputs that do not fall into groups": (lambda: mp.conv(image, mp.ones((3, 3, 2, 7)), groups=2), ShapeError, "7 output channels do not fall into 2"),
    "truth values": (lambda: mp.conv(sequence > 0, weights > 0), DTypeError, "conv takes arrays of numbers, not bool"),
    "no group": (lambda: mp.conv(sequence, weights, groups=0), SettingError, "groups=0: expected an integer ≥ 1"),
    "half a group": (lambda: mp.conv(sequence, weights, groups=0.5), SettingError, r"groups=0\.5: expected an integer"),
    "no stride": (lambda: mp.conv(sequence, weights, strides=0), SettingError, "strides is an integer from 1, .* not 0"),
    "strides of other axes": (lambda: mp.conv(image, kernel, strides=(1, 2, 1)), SettingError, r"each of 2 spatial axes, not \(1, 2, 1\)"),
    "a fraction of dilation": (lambda: mp.conv(sequence, weights, dilation=1.5), SettingError, r"dilation .* not 1\.5"),
    "a padding unknown": (lambda: mp.conv(sequence, weights, padding="full"), SettingError, "'full'(?s:.*)\"causal\""),
    "causal in space": (lambda: mp.conv(image, kernel, padding="causal"), SettingError, "which is time; here are 2"),
    "less than no padding": (lambda: mp.conv(sequence, weights, padding=-1), SettingError, "padding=-1"),
    "no pairs": (lambda: mp.conv(image, kernel, padding=(1, 1)), SettingError, r"padding=\(1, 1\)(?s:.*)\(before, behind\)"),
    "pairs of other axes": (lambda: mp.conv(image, kernel, padding=((1, 1),)), SettingError, "2 spatial axes"),
    "letters as pairs": (lambda: mp.conv(image, kernel, padding=("ab", "cd")), SettingError, "'ab'"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), refused.values(), ids=refused.keys())
def test_an_error_teaches(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_primitive_refuses_what_does_not_fit():
    text = str(mp.trace(lambda x, w: mp.conv(x, w, strides=2), sequence, weights))
    for right, wrong, said in [
        ("strides=(2,)", "strides=(0,)", "must be 1 or more"),
        ("strides=(2,)", "strides=(2, 2)", "conv: .* do not fit"),
        ("dilation=(1,)", "dilation=()", "conv: .* do not fit"),
    ]:
        assert right in text
        with pytest.raises(GraphError, match=said):
            mp.parse(text.replace(right, wrong))


def test_arguments_are_read_alike_in_every_form():
    expected = mp.conv(image, kernel, strides=(2, 2), dilation=(1, 1))
    for strides, dilation in itertools.product((2, [2, 2], np.int32(2)), (1, (np.int64(1), 1))):
        np.testing.assert_array_equal(mp.conv(image, kernel, strides=strides, dilation=dilation), expected)
