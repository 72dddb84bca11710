"""Array against NumPy: operators, promotion, indexing, assignment, and what makes it a handle on an immutable value."""

import operator

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maplet as mp
from maplet.core.array import Array, Parameter, assign
from maplet.core.types import ArrayType, as_dtype, dtypes_by_short_name, kind_of
from maplet.errors import DTypeError, ShapeError

dtypes = list(dtypes_by_short_name.values())
operators = {
    name: getattr(operator, name)
    for name in (
        "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul",
        "eq", "ne", "lt", "le", "gt", "ge", "and_", "or_", "xor", "lshift", "rshift",
    )
}  # fmt: skip
for_bits = {"and_", "or_", "xor", "lshift", "rshift"}
first = np.asarray([[1, 5, 3], [4, 1, 2], [7, 2, 2]])
second = np.asarray([[3, 2, 1], [1, 1, 4], [2, 3, 5]])


# ── operators ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", operators)
def test_operators_agree_with_numpy_on_both_sides(name):
    apply = operators[name]
    for dtype in (np.int64, np.int32) if name in for_bits else (np.float64, np.float32, np.int64):
        x, y = first.astype(dtype), second.astype(dtype)
        expected = apply(x, y)
        for found in (
            apply(Array(x), Array(y)),
            apply(Array(x), y),
            apply(x, Array(y)),
            apply(Array(x), y.tolist()) if dtype == np.int64 else apply(Array(x), Array(y)),
        ):
            assert isinstance(found, Array)
            assert found.dtype == (np.float32 if dtype == np.int64 and name == "truediv" else expected.dtype)
            np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in operators if name != "matmul"])
@pytest.mark.parametrize("scalar", [3, 2.0, np.int64(2), np.float32(2)])
def test_operators_take_scalars_on_both_sides(name, scalar):
    if name in for_bits and isinstance(scalar, float | np.floating):
        with pytest.raises(DTypeError):
            operators[name](Array(first), scalar)
        return
    x = first if name in for_bits else first.astype(np.float32)
    for found, expected in [
        (operators[name](Array(x), scalar), operators[name](x, scalar)),
        (operators[name](scalar, Array(x)), operators[name](scalar, x)),
    ]:
        assert isinstance(found, Array)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("apply", [operator.neg, operator.pos, operator.abs, operator.invert])
def test_unary_operators(apply):
    np.testing.assert_array_equal(apply(Array(-first)), apply(-first))


def test_integers_wrap_around_as_in_numpy():
    x = np.asarray([127, -128, 100], np.int8)
    with np.errstate(all="ignore"):
        for apply in (operator.add, operator.mul, operator.sub):
            np.testing.assert_array_equal(apply(Array(x), Array(x)), apply(x, x))
        np.testing.assert_array_equal(-Array(x), -x)
        np.testing.assert_array_equal(abs(Array(x)), abs(x))
        np.testing.assert_array_equal(Array(x) // np.int8(0), x // np.int8(0))


# ── how dtypes meet ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("a", dtypes, ids=str)
@pytest.mark.parametrize("b", dtypes, ids=str)
def test_two_arrays_meet_in_one_dtype(a, b):
    """Within a kind the wider, as in NumPy; across kinds the float, or the integer, at hand."""
    x, y = Array(np.ones(2, a)), Array(np.ones(2, b))
    rank = {"b": 0, "u": 1, "i": 1, "f": 2}
    across = rank[kind_of(a)] != rank[kind_of(b)]
    if across:
        expected = max(a, b, key=lambda dtype: rank[kind_of(dtype)])
    else:
        apart = {a.name, b.name} == {"float16", "bfloat16"}  # one has the digits, one the range
        expected = np.dtype(np.float32) if apart else np.promote_types(a, b)
    if {a.name, b.name} in ({"uint64", name} for name in ("int8", "int16", "int32", "int64")):
        with pytest.raises(DTypeError, match="astype"):
            mp.where(True, x, y)
        return
    assert mp.where(True, x, y).dtype == mp.where(True, y, x).dtype == expected


@pytest.mark.parametrize("dtype", dtypes, ids=str)
def test_a_python_scalar_never_promotes(dtype):
    x = Array(np.ones(2, dtype))
    for scalar, least in [(True, 0), (1, 1), (1.5, 2)]:
        kind = {"b": 0, "u": 1, "i": 1, "f": 2}[kind_of(dtype)]
        expected = dtype if kind >= least else np.dtype([None, np.int64, np.float32][least])
        assert mp.where(True, x, scalar).dtype == mp.where(True, scalar, x).dtype == expected


def test_numbers_alone():
    assert mp.asarray(1.0).type == ArrayType((), np.dtype(np.float32))
    assert mp.asarray(1).dtype == np.int64
    assert mp.asarray(True).dtype == np.bool_
    assert mp.asarray([1.0, 2.0]).dtype == np.float32
    assert mp.asarray([[1, 2]]).type == ArrayType((1, 2), np.dtype(np.int64))
    assert mp.asarray(np.ones(2)).dtype == np.float64
    assert mp.asarray([mp.asarray(1.0), 2.0]).tolist() == [1.0, 2.0]
    assert mp.asarray(np.arange(3, dtype=">i4")).dtype.isnative
    for name in dtypes_by_short_name:
        assert mp.zeros((2,), dtype=name).dtype == as_dtype(name)


@pytest.mark.parametrize("bad", ["text", None, 1j, [object()], [1.0, "a"], {"a": 1}, np.datetime64("2020-01-01")])
def test_what_is_no_number_is_refused(bad):
    with pytest.raises(DTypeError):
        mp.asarray(bad)


def test_dtypes_that_maplet_does_not_know():
    for bad in (complex, object, "complex64", np.longdouble, "U3"):
        for make in (
            lambda d: mp.asarray(1.0, dtype=d),
            lambda d: mp.asarray(1.0).astype(d),
            lambda d: mp.zeros((2,), dtype=d),
            lambda d: mp.sum(mp.ones((2,)), dtype=d),
        ):
            with pytest.raises(DTypeError, match="dtype"):
                make(bad)


# ── indexing ─────────────────────────────────────────────────────────────────────────────────────

shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)


@st.composite
def keys(draw):
    """A shape, and a key of every kind that NumPy knows for it."""
    shape = draw(shapes)
    if draw(st.booleans()):
        return shape, draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    common = draw(hnp.array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=3))
    parts, axis = [], 0
    while axis < len(shape):
        kind = draw(st.sampled_from(["int", "slice", "array", "mask", "new", "list", "stop"]))
        n = shape[axis]
        if kind == "new":
            parts.append(None)
            continue
        if kind == "stop":
            break
        if kind == "int":
            parts.append(draw(st.integers(-n, n - 1)))
        elif kind == "slice":
            parts.append(draw(st.slices(n)))
        elif kind == "list":
            parts.append([draw(st.integers(-n, n - 1))])
        elif kind == "mask":  # one true element: a mask must broadcast with the other index arrays
            mask = np.zeros(n, bool)
            mask[draw(st.integers(0, n - 1))] = True
            parts.append(mask)
        else:
            parts.append(draw(hnp.arrays(np.int64, common, elements=st.integers(-n, n - 1))))
        axis += 1
    if axis < len(shape) and draw(st.booleans()):
        parts.append(Ellipsis)
    return shape, tuple(parts)


@settings(max_examples=300, deadline=None)
@given(keys())
def test_indexing_agrees_with_numpy(shape_and_key):
    shape, key = shape_and_key
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    found = Array(x)[key]
    assert found.shape == x[key].shape
    np.testing.assert_array_equal(found, x[key])
    np.testing.assert_array_equal(mp.evaluate(mp.trace(lambda a: a[key], x), x), x[key])


@settings(max_examples=150, deadline=None)
@given(keys(), st.data())
def test_assignment_agrees_with_numpy(shape_and_key, data):
    shape, key = shape_and_key
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    part = x[key].shape
    value = -1 - np.arange(np.prod(part), dtype=np.float32).reshape(part)
    value = data.draw(st.sampled_from([value, value[..., :1] if part and part[-1] else value, np.float32(-1), -1]))
    a = Array(x)
    before = a[...]
    a[key] = value
    expected = x.copy()
    expected[key] = value
    np.testing.assert_array_equal(a, expected)
    np.testing.assert_array_equal(before, x)


def test_masks_of_several_axes():
    x = np.arange(24.0).reshape(2, 3, 4)
    mask = x[:, :, 0] > 5
    np.testing.assert_array_equal(Array(x)[mask], x[mask])
    np.testing.assert_array_equal(Array(x)[mask, 1:3], x[mask, 1:3])
    np.testing.assert_array_equal(Array(x)[Array(x) > 7], x[x > 7])
    np.testing.assert_array_equal(Array(x)[..., [True, False, True, False]], x[..., [True, False, True, False]])
    a = Array(x)
    a[a > 7] = 0.0
    np.testing.assert_array_equal(a, np.where(x > 7, 0, x))


def test_special_keys():
    x = np.arange(6.0).reshape(2, 3)
    for key in [
        (),
        ...,
        None,
        [],
        np.int8(1),
        np.asarray(1),
        (np.asarray(1), slice(None), None),
        ([], slice(None)),
        (slice(None), []),
        [1, 0, 1],
        [[0, 1], [1, 0]],
    ]:
        np.testing.assert_array_equal(Array(x)[key], x[key])
    np.testing.assert_array_equal(Array(x)[Array(np.asarray(1)), Array(np.asarray([0, -1]))], x[1, [0, -1]])
    deep = np.arange(120).reshape(2, 3, 4, 5)
    for key in [
        (0, slice(None), [0, 1]),
        ([0, 1], slice(None), 0),
        (slice(None), 0, [1, 2]),
        ([1], ..., 0),
        (0, ..., [[1], [2]], 0),
        (0, None, [0, 1]),
    ]:
        np.testing.assert_array_equal(Array(deep)[key], deep[key])


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (2, IndexError, "axis 0"),
        ((0, -4), IndexError, "-4"),
        ([0, 2], IndexError, "2"),
        ((0, 0, 0), ShapeError, "3 indices"),
        ((..., ...), ShapeError, "ellipses"),
        (1.0, DTypeError, "float"),
        ([0.5], DTypeError, "integer"),
        (True, DTypeError, "single boolean"),
        (np.bool_(True), DTypeError, "single boolean"),
        ((np.asarray(True), 0), DTypeError, "single boolean"),
        ([True, False, False], ShapeError, r"\(3,\).*\(2,\)"),
        (np.zeros((3, 2), bool), ShapeError, r"\(3, 2\).*\(2, 3\)"),
        (np.zeros((1, 3), bool), ShapeError, "boolean"),
        ((0, np.zeros((2,), bool)), ShapeError, "boolean"),
        ("a", DTypeError, "str"),
    ],
)
def test_keys_that_do_not_fit(key, error, message):
    with pytest.raises(error, match=message):
        Array(np.ones((2, 3)))[key]
    with pytest.raises(error, match=message):
        Array(np.ones((2, 3)))[key] = 0.0


def test_values_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"\(4,\).*\(3,\)"):
        mp.zeros((2, 3))[0] = np.ones(4)
    for kind, value in [
        (np.int64, 0.5),
        (np.int64, np.ones(3, np.float32)),
        (np.bool_, 2),
        (np.uint8, np.asarray([-1] * 3)),
    ]:
        with pytest.raises(DTypeError, match="astype"):
            mp.zeros((2, 3), dtype=kind)[0] = value
    small = mp.zeros((3,), dtype=mp.uint8)
    small[0], small[1] = 3, True
    assert small.tolist() == [3, 1, 0]


def test_the_last_of_several_values_stays():
    a = mp.zeros((3,))
    a[[0, 1, 0]] = [1.0, 2.0, 3.0]
    assert a.tolist() == [3.0, 2.0, 0.0]


# ── a handle on an immutable value ───────────────────────────────────────────────────────────────


def test_numpy_sees_the_value_without_copying_and_cannot_change_it():
    a = mp.asarray([1.0, 2.0])
    assert np.asarray(a) is a.numpy()
    assert not np.asarray(a).flags.writeable
    assert np.asarray(a, dtype=np.float64).dtype == np.float64
    copied = np.array(a)
    copied[0] = 5
    assert a.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="copy"):
        np.asarray(a, dtype=np.float64, copy=False)
    with pytest.raises(ValueError, match="read-only"):
        a.numpy()[0] = 1


def test_the_array_does_not_see_later_changes_of_its_source():
    source = np.ones(3)
    a, b = mp.asarray(source), Array(source)
    source[0] = 5
    assert a.tolist() == b.tolist() == [1, 1, 1]
    assert source.flags.writeable


def test_assignment_leaves_every_other_array_alone():
    a = mp.asarray([1.0, 2.0, 3.0])
    view, shared = np.asarray(a), {"row": a[1:], "same": a[:], "sum": a + 0, "reshaped": a.reshape(3, 1)}
    a[1] = 9.0
    a[2] += 1.0
    assert a.tolist() == [1.0, 9.0, 4.0]
    assert view.tolist() == [1.0, 2.0, 3.0]
    assert [x.numpy().ravel().tolist() for x in shared.values()] == [
        [2.0, 3.0],
        [1.0, 2.0, 3.0],
        [1.0, 2.0, 3.0],
        [1.0, 2.0, 3.0],
    ]


def test_assign_keeps_the_type():
    a = mp.asarray([1.0, 2.0])
    assign(a, mp.asarray([3.0, 4.0]))
    assert a.tolist() == [3.0, 4.0]
    for bad in (mp.asarray([1.0]), mp.asarray([1, 2])):
        with pytest.raises(DTypeError, match="convert"):
            assign(a, bad)


# ── Python's protocols ───────────────────────────────────────────────────────────────────────────


def test_numbers_out_of_arrays():
    assert float(mp.asarray(1.5)) == 1.5
    assert int(mp.asarray(3.9)) == 3
    assert bool(mp.asarray(0.0)) is False
    assert [10, 20][mp.asarray(1)] == 20
    assert mp.asarray([[7]]).item() == 7
    assert mp.asarray([[1, 2]]).tolist() == [[1, 2]]
    with pytest.raises(DTypeError, match="f32"):
        [10, 20][mp.asarray(1.0)]
    for use in (bool, float, int, Array.item):
        for shape in ((2,), (0,), (2, 3)):
            with pytest.raises(ShapeError, match=r"elements, not one(?s:.*)fix:"):
                use(mp.ones(shape))


def test_rounding_and_copies():
    a = mp.asarray([1.2345, -2.5, 3.5])
    np.testing.assert_array_equal(round(a), [1, -2, 4])
    np.testing.assert_allclose(round(a, 2), [1.23, -2.5, 3.5], rtol=1e-6)
    large = mp.asarray([1255.0, -3e38, np.inf])
    np.testing.assert_allclose(round(large, -2), [1300.0, -3e38, np.inf], rtol=1e-6)
    np.testing.assert_array_equal(round(large, 38), large)  # times 10³⁸ they would be infinite
    counts = round(mp.asarray([12, 25]), 1)
    assert (counts.dtype, counts.tolist()) == (mp.int64, [12, 25])
    b = a.copy()
    b[0] = 0.0
    assert (a[0].item(), b[0].item()) == (pytest.approx(1.2345), 0.0)
    np.testing.assert_array_equal(mp.grad(lambda x: mp.sum(x.copy() ** 2))(a), 2 * a)


def test_length_and_iteration():
    a = mp.asarray([[1.0, 2.0], [3.0, 4.0]])
    assert len(a) == 2
    assert [row.tolist() for row in a] == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(TypeError, match="no length"):
        len(mp.asarray(1.0))
    with pytest.raises(TypeError):
        iter(mp.asarray(1.0))


def test_hashing_is_refused():
    with pytest.raises(TypeError, match="unhashable"):
        hash(mp.ones((2,)))


def test_what_is_printed():
    assert repr(mp.asarray(1.0)) == "Array(1.)"
    assert repr(mp.asarray([1, 2])) == "Array([1, 2], dtype=int64)"
    assert repr(mp.asarray([[1.0], [2.5]])) == "Array([[1. ],\n       [2.5]], dtype=float32)"
    assert repr(mp.asarray(True)) == "Array(True, dtype=bool)"
    shown = []
    mp.trace(lambda x: (shown.append(repr(x)), x)[1], mp.ones((2, 3)))
    mp.grad(lambda x: (shown.append(repr(x)), x)[1])(1.0)
    assert shown == ["Array(f32[2,3], traced)", "Array(f32[], traced, now 1.)"]


def test_shape_and_transposes():
    a = Array(np.arange(24).reshape(2, 3, 4))
    assert (a.shape, a.ndim, a.size, a.dtype) == ((2, 3, 4), 3, 24, np.int64)
    np.testing.assert_array_equal(a.mT, np.arange(24).reshape(2, 3, 4).swapaxes(1, 2))
    assert a[0].T.shape == (4, 3)
    with pytest.raises(ShapeError, match="two axes"):
        a[0, 0].T  # noqa: B018  (the access itself is tested)


def test_methods():
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    a = Array(x)
    assert a.reshape(3, 2).shape == a.reshape((3, -1)).shape == (3, 2)
    assert a.reshape(np.int64(6)).shape == a.reshape(-1).shape == (6,)
    for name in ("sum", "mean", "max", "min"):
        np.testing.assert_array_equal(
            getattr(a, name)(axis=np.int64(1), keepdims=True), getattr(x, name)(axis=1, keepdims=True)
        )
    assert a.astype(mp.int32).dtype == a.astype("i32").dtype == np.int32


def test_a_parameter_is_an_array():
    p = Parameter([1.0, 2.0], trainable=False)
    assert isinstance(p, Array)
    assert not p.trainable
    assert not isinstance(p * 2, Parameter)
    q = Parameter(p)
    q[0] = 5.0
    assert p.tolist() == [1.0, 2.0]


def test_a_numpy_scalar_keeps_its_dtype_but_beside_an_array_float64_is_a_python_float():
    assert mp.asarray(np.float64(1)).dtype == np.float64
    assert mp.sin(np.float64(1)).dtype == np.float64
    assert mp.grad(lambda x: x * x)(np.float64(2)).dtype == np.float64
    assert mp.asarray(np.int32(1)).dtype == np.int32
    assert (mp.asarray(1.0) * np.float64(2)).dtype == np.float32
    assert (mp.asarray(1.0) * np.sqrt(2.0)).dtype == np.float32
