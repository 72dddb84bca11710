"""The Python array API standard, with `array_api_strict` as the oracle: names, parameters, dtypes, shapes and values."""

# A case is one line of a table, and most are lambdas.
# ruff: noqa: E501, PLW0108

import inspect
import itertools
import os
import subprocess
import sys

import array_api_strict as strict
import numpy as np
import pytest

import maplet as mp
from maplet.core.array import Array
from maplet.errors import AxisError, DTypeError, SettingError, ShapeError, TraceError

strict.set_array_api_strict_flags(api_version="2024.12")

# What of the standard is not here, each with its reason.
missing = {
    **dict.fromkeys(("complex64", "complex128", "conj", "imag", "real"), "complex numbers are to come"),
    "fft": "an extension that gives complex numbers",
}
of_strict_alone = {"Device", *(name for name in strict.__all__ if "flags" in name.lower())}
of_later_versions = {"broadcast_shapes", "isin"}
of_the_standard = sorted({*strict.__all__, "__array_namespace_info__"} - of_strict_alone - of_later_versions)
names = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")
few = ("bool", "int8", "int64", "uint8", "float32")  # one of each kind and a wide one, for what is quick
kinds = {
    "real": names[9:], "integral": names[1:9], "numeric": names[1:], "bits": names[:9], "bool": names[:1], "all": names,
}  # fmt: skip


# ── the names and their parameters ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", of_the_standard)
def test_the_name_is_there(name):
    assert hasattr(mp, name) == (name not in missing), missing.get(name, "it is missing")


def parameters(function):
    return inspect.signature(function).parameters.values()


@pytest.mark.parametrize("name", [n for n in of_the_standard if n not in missing and callable(getattr(strict, n))])
def test_it_takes_the_same_parameters(name):
    if name in names:
        assert getattr(mp, name) == np.dtype(name)
        return
    if name == "__array_namespace_info__":
        assert not parameters(getattr(mp, name))
        return
    ours, theirs = {p.name: p for p in parameters(getattr(mp, name))}, list(parameters(getattr(strict, name)))
    places = [p for p in theirs if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes = [p for p in ours.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    assert len(takes) >= len(places)
    for p in theirs:
        if p.kind is p.KEYWORD_ONLY or (p.kind is p.POSITIONAL_OR_KEYWORD and name != "logaddexp"):
            assert p.name in ours
            assert ours[p.name].kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
            if p.default in (True, False, 0, 1, -1, "left", "xy"):
                assert ours[p.name].default == p.default


def test_an_array_has_what_the_standard_says():
    said = {name for name in dir(strict.ones((2, 2))) if not name.startswith("_") or name.endswith("__")}
    in_place = {name for name in said if name.startswith("__i") and name.strip("_")[1:] in {n.strip("_") for n in said}}
    of_objects = {*dir(object), "__dict__", "__module__", "__weakref__", "__annotations__", "__buffer__", "__array__"}
    found = said - in_place - of_objects - {"__static_attributes__", "__firstlineno__"}
    assert not {name for name in found if not hasattr(mp.ones((2, 2)), name)}


def test_the_namespace_describes_itself():
    x = mp.ones((2,))
    assert x.__array_namespace__() is x.__array_namespace__(api_version="2024.12") is mp
    assert mp.__array_api_version__ == "2024.12"
    with pytest.raises(SettingError, match=r"2030\.12(?s:.*)fix"):
        x.__array_namespace__(api_version="2030.12")
    info = mp.__array_namespace_info__()
    assert info.capabilities()["boolean indexing"]
    assert info.capabilities()["data-dependent shapes"]
    assert info.devices() == [info.default_device()] == [x.device] == ["cpu"]
    assert info.default_dtypes(device="cpu") == {
        "real floating": mp.float32,
        "integral": mp.int64,
        "indexing": mp.int64,
    }
    assert set(info.dtypes()) == set(names)
    for kind in ("bool", "signed integer", "unsigned integer", "integral", ("bool", "unsigned integer")):
        assert info.dtypes(kind=kind).keys() == strict.__array_namespace_info__().dtypes(kind=kind).keys()


# ── inputs ───────────────────────────────────────────────────────────────────────────────────────

shapes = [(), (0,), (1,), (4,), (2, 3), (0, 2), (2, 1, 3)]
special = {
    "f": [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.5, -2.5, 1.5, 2.5, 1e-30, 7e4, -20.0, 3.0],
    "b": [False, True],
}


def numbers(dtype, shape, seed=0):
    """Random numbers among which are those where something happens: the extremes, zeros, NaN, infinities."""
    dtype, rng = np.dtype(dtype), np.random.default_rng((seed, *shape))
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        few = [limits.min, limits.max, 0, 1, 2, 3, 5, limits.max - 1, *([-1, -3] if dtype.kind == "i" else [])]
    else:
        few = special[dtype.kind]
    size = int(np.prod(shape))
    drawn = rng.permutation(len(few)).tolist() * (size // len(few) + 1)
    return np.asarray([few[n] for n in drawn[:size]], dtype).reshape(shape)


def small(dtype, shape, seed=0):
    """Numbers from 0 to 5, truth values among them; a float has halves too."""
    rng, dtype = np.random.default_rng((seed, *shape)), np.dtype(dtype)
    return np.asarray(
        rng.integers(0, 2 if dtype.kind == "b" else 6, size=shape) / (2 if dtype.kind == "f" else 1)
    ).astype(dtype)


def numpy(result):
    return np.asarray(result._array) if isinstance(result, type(strict.ones(()))) else np.asarray(result)


def same(found, expected):
    """The same dtype, shape and, to rounding, values; the same zero; tuples and lists of them."""
    if isinstance(expected, tuple | list):
        assert len(found) == len(expected)
        assert type(found).__mro__[-2] is type(expected).__mro__[-2]
        assert getattr(found, "_fields", None) == getattr(expected, "_fields", None)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
        return
    assert isinstance(found, Array)
    found, expected = numpy(found), numpy(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    rtol = {"float32": 3e-7, "float64": 4e-16}.get(expected.dtype.name, 0) * 4
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=0, equal_nan=True)
    if expected.dtype.kind == "f":
        zero = expected == 0
        np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))


def both(f, *arrays):
    """The same call in both libraries; where the oracle refuses, ours is not asked."""
    with np.errstate(all="ignore"):
        try:
            expected = f(strict, *[strict.asarray(x) for x in arrays])
        except (TypeError, ValueError, IndexError):
            return False
        try:
            found = f(mp, *[mp.asarray(x) for x in arrays])
        except ShapeError:  # NumPy, and so the oracle, takes axis 0 of an array that has none
            assert not min(x.ndim for x in arrays)
            return False
        same(found, expected)
    return True


# ── element by element ───────────────────────────────────────────────────────────────────────────

unary = {
    **dict.fromkeys(("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", "expm1", "log", "log1p", "log2", "log10", "reciprocal", "signbit", "sin", "sinh", "sqrt", "tan", "tanh"), "real"),
    **dict.fromkeys(("abs", "ceil", "floor", "isfinite", "isinf", "isnan", "negative", "positive", "round", "sign", "square", "trunc"), "numeric"),
    "bitwise_invert": "bits", "logical_not": "bool",
}  # fmt: skip
binary = {
    **dict.fromkeys(("atan2", "copysign", "divide", "hypot", "logaddexp", "nextafter"), "real"),
    **dict.fromkeys(("add", "floor_divide", "maximum", "minimum", "multiply", "remainder", "subtract", "greater", "greater_equal", "less", "less_equal"), "numeric"),
    **dict.fromkeys(("bitwise_and", "bitwise_or", "bitwise_xor"), "bits"),
    **dict.fromkeys(("bitwise_left_shift", "bitwise_right_shift"), "integral"),
    **dict.fromkeys(("logical_and", "logical_or", "logical_xor"), "bool"),
    **dict.fromkeys(("equal", "not_equal"), "all"), "pow": "numeric",
}  # fmt: skip


@pytest.mark.parametrize("name", unary)
def test_functions_of_one_array(name):
    for dtype, shape in itertools.product(kinds[unary[name]], [*shapes, (15,)]):
        assert both(lambda xp, x: getattr(xp, name)(x), numbers(dtype, shape))


def second_operand(name, dtype, shape):
    if "shift" in name or (name == "pow" and np.dtype(dtype).kind in "iu"):
        return small(dtype, shape, seed=1)
    return numbers(dtype, shape, seed=1)


of_few_dtypes_in_time = pytest.mark.parametrize(
    "dtypes", [few, pytest.param(names, marks=pytest.mark.slow)], ids=["few", "all"]
)


@pytest.mark.parametrize("name", binary)
@of_few_dtypes_in_time
def test_functions_of_two_arrays(name, dtypes):
    """Over all dtypes that meet, and shapes that are broadcast."""
    tried = 0
    fits = [((2, 3), (3,)), ((), (2, 1)), ((0,), (1,)), ((15,), (15,)), ((2, 1, 3), (4, 1)), ((1,), (0, 2))]
    for first, second in itertools.product([one for one in kinds[binary[name]] if one in dtypes], repeat=2):
        for a, b in fits:
            x, y = numbers(first, a), second_operand(name, second, b)
            tried += both(lambda xp, x, y: getattr(xp, name)(x, y), x, y)
    assert tried > 3


@pytest.mark.parametrize("name", [n for n in binary if n not in ("bitwise_left_shift", "bitwise_right_shift")])
def test_a_python_number_beside_an_array(name):
    for dtype in kinds[binary[name]]:
        number = {"b": True, "f": 2.5}.get(np.dtype(dtype).kind, 2)
        x = mp.asarray(small(dtype, (5,)) if name == "pow" else numbers(dtype, (5,)))
        f = getattr(mp, name)
        with np.errstate(all="ignore"):
            same(f(x, number), strict_with_arrays(name, numpy(x), np.asarray(number, dtype)))
            same(f(number, x), strict_with_arrays(name, np.asarray(number, dtype), numpy(x)))


def strict_with_arrays(name, *arrays):
    return getattr(strict, name)(*[strict.asarray(x) for x in arrays])


bounds = [
    (None, None), (1, None), (None, 3), (1, 3), (np.asarray([1, 2, 3]), None), (np.asarray([[0], [2]]), np.asarray([2, 3, 4])),
]  # fmt: skip


@pytest.mark.parametrize("dtype", kinds["numeric"])
def test_clip_keeps_the_dtype(dtype):
    for low, high in bounds:
        for wide in (dtype, np.promote_types(dtype, "float64" if np.dtype(dtype).kind == "f" else dtype)):
            given = [b if b is None else np.asarray(b, wide) for b in (low, high)]
            with np.errstate(all="ignore"):
                expected = numbers(dtype, (2, 3))
                for b, limit in zip(given, (np.maximum, np.minimum), strict=True):
                    expected = expected if b is None else limit(expected, b).astype(dtype)
                same(mp.clip(mp.asarray(numbers(dtype, (2, 3))), *given), expected)
                plain = [b if b is None or b.ndim else b.item() for b in given]
                same(mp.clip(mp.asarray(numbers(dtype, (2, 3))), *plain), expected)
    assert both(lambda xp, x: xp.clip(x, x, x), small(dtype, (3,)))


def test_clip_and_nan():
    x, nan = mp.asarray([1.0, np.nan]), float("nan")
    assert np.isnan(mp.clip(x, 0.0, 2.0).numpy()).tolist() == [False, True]
    for bound in (nan, mp.asarray(nan), mp.asarray([nan, 0.0])):
        assert np.isnan(mp.clip(x, bound).numpy()).all()
    assert mp.clip(mp.asarray([1, 5]), 0.5, 2.5).tolist() == [1.0, 2.5]


# ── how dtypes meet ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("first", "second"), list(itertools.product(names, repeat=2)))
def test_the_promotion_table(first, second):
    a, b = getattr(strict, first), getattr(strict, second)
    assert mp.can_cast(first, second) == mp.can_cast(mp.ones((2,), dtype=first), second) == strict.can_cast(a, b)
    try:
        expected = strict.result_type(a, b)._np_dtype
    except TypeError:  # the standard leaves it open
        rank = {"b": 0, "u": 1, "i": 1, "f": 2}
        one, other = np.dtype(first), np.dtype(second)
        if rank[one.kind] == rank[other.kind]:
            with pytest.raises(DTypeError, match="astype"):
                mp.result_type(first, second)
            return
        expected = max(one, other, key=lambda dtype: rank[dtype.kind])
    assert mp.result_type(first, getattr(mp, second)) == expected
    x, y = mp.ones((2,), dtype=first), mp.ones((), dtype=second)
    assert mp.result_type(x, y) == mp.result_type(x, y.dtype, first) == expected
    assert mp.where(mp.asarray(True), x, y).dtype == mp.concat([x, y.reshape(1)]).dtype == expected
    if "bool" not in (first, second):
        assert (x + y).dtype == expected


@pytest.mark.parametrize("dtype", names)
def test_numbers_in_result_type(dtype):
    for number in (True, 1, 1.5):
        try:
            expected = strict.result_type(getattr(strict, dtype), number)._np_dtype
        except TypeError:
            expected = (
                (mp.zeros((), dtype=dtype) + number).dtype if dtype != "bool" or number is not True else np.dtype(bool)
            )
        assert mp.result_type(dtype, number) == mp.result_type(number, mp.zeros((), dtype=dtype)) == expected
    assert [mp.result_type(n) for n in (True, 1, 1.5)] == [mp.bool, mp.int64, mp.float32]
    with pytest.raises(SettingError):
        mp.result_type()


@pytest.mark.parametrize("dtype", names)
def test_questions_about_dtypes(dtype):
    theirs, ours = getattr(strict, dtype), getattr(mp, dtype)
    assert ours == dtype
    for kind in (
        "bool",
        "signed integer",
        "unsigned integer",
        "integral",
        "real floating",
        "complex floating",
        "numeric",
        ("bool", "integral"),
        (),
    ):
        assert mp.isdtype(ours, kind) == strict.isdtype(theirs, kind)
    assert mp.isdtype(ours, ours)
    assert mp.isdtype(ours, (dtype, "numeric"))
    with pytest.raises(SettingError, match="kinds are"):
        mp.isdtype(ours, "number")
    for name, kind, fields in (
        ("finfo", "f", ("bits", "eps", "max", "min", "smallest_normal")),
        ("iinfo", "iu", ("bits", "max", "min")),
    ):
        question = getattr(mp, name)
        if ours.kind not in kind:
            with pytest.raises(DTypeError):
                question(ours)
            continue
        for given in (ours, dtype, mp.zeros((2,), dtype=ours)):
            found, expected = question(given), getattr(strict, name)(theirs)
            assert found.dtype == ours
            for field in fields:
                assert getattr(found, field) == getattr(expected, field)
                assert type(getattr(found, field)) is type(getattr(expected, field))


def test_a_dtype_may_be_an_object_a_name_or_a_class():
    for name in names:
        for said in (getattr(mp, name), name, getattr(np, name), np.dtype(name).type):
            assert mp.zeros((1,), dtype=said).dtype == getattr(mp, name) == name
            assert mp.astype(mp.ones((2,)), said).dtype == mp.ones((2,)).astype(said).dtype == name
    f = mp.jit(lambda x, dtype: x.astype(dtype))
    assert f(mp.ones((2,)), mp.int32).dtype == mp.int32
    assert f(mp.ones((2,)), mp.float64).dtype == mp.float64


def test_astype():
    for first, second in itertools.product(names, repeat=2):
        assert both(lambda xp, x, second=second: xp.astype(x, getattr(xp, second)), small(first, (2, 3)))
        assert both(lambda xp, x, second=second: xp.astype(x, getattr(xp, second), copy=False), small(first, (2, 3)))
    x = mp.ones((2,))
    assert mp.astype(x, mp.float32, copy=False) is x
    assert mp.astype(x, mp.float32) is not x
    with pytest.raises(SettingError, match="device='cuda'"):
        mp.astype(x, mp.float32, device="cuda")


# ── making arrays ────────────────────────────────────────────────────────────────────────────────

made = {
    "zeros": lambda xp, **o: [xp.zeros(s, **o) for s in (3, (), (0, 2))],
    "ones": lambda xp, **o: [xp.ones(s, **o) for s in (3, (), (0, 2))],
    "full": lambda xp, **o: [xp.full(s, 1, **o) for s in (3, (), (0, 2))],
    "zeros_like": lambda xp, **o: xp.zeros_like(xp.ones((2, 3), dtype=xp.int8), **o),
    "ones_like": lambda xp, **o: xp.ones_like(xp.ones((2, 3), dtype=xp.int8), **o),
    "full_like": lambda xp, **o: xp.full_like(xp.ones((2, 3), dtype=xp.int8), 3, **o),
    "eye": lambda xp, **o: [xp.eye(*n, k=k, **o) for n in ((3,), (2, 4), (4, 2), (0,), (0, 2)) for k in (0, 1, -1, 3, -5)],
    "asarray": lambda xp, **o: [xp.asarray(v, **o) for v in ([[1, 2], [3, 4]], 1, True, [], [[]], ())],
    "arange": lambda xp, **o: [xp.arange(*v, **o) for v in ((3,), (0,), (-2,), (2, 9, 3), (9, 2, -3), (3, 1), (5, 5), (1, 9, 20))],
}  # fmt: skip


@pytest.mark.parametrize(("name", "dtype"), sorted({*itertools.product(made, names)} - {("arange", "bool")}))
def test_arrays_are_made(name, dtype):
    for device in (None, "cpu"):
        found = made[name](mp, dtype=getattr(mp, dtype), device=device)
        same(found, made[name](strict, dtype=getattr(strict, dtype)))


def test_without_a_dtype_floats_are_float32_and_integers_int64():
    for name in ("zeros", "ones", "eye"):
        assert getattr(mp, name)(2).dtype == mp.float32
    for name in ("empty", "empty_like", "zeros_like", "ones_like"):
        given = mp.ones((2, 3), dtype=mp.int8) if "like" in name else (2, 3)
        found = getattr(mp, name)(given)
        assert found.type == (mp.zeros((2, 3), dtype=mp.int8) if "like" in name else mp.zeros((2, 3))).type
    same(mp.full((2,), 3), strict.full((2,), 3))
    same(mp.full((2,), True), strict.full((2,), True))
    assert (
        mp.full((2,), 3.5).dtype
        == mp.asarray(3.5).dtype
        == mp.asarray([1.0]).dtype
        == mp.arange(3.0).dtype
        == mp.float32
    )
    assert mp.linspace(0, 1, 3).dtype == mp.float32
    same(mp.arange(5), strict.arange(5))
    assert mp.arange(2**63, 2**63 + 2, dtype=mp.uint64).tolist() == [2**63, 2**63 + 1]


@pytest.mark.parametrize("dtype", kinds["real"])
def test_linspace_and_fractions(dtype):
    for ends, num, endpoint in itertools.product(
        [(0.0, 1.0), (-3, 7.5), (5.0, -5.0), (2.0, 2.0)], (0, 1, 2, 7, 50), (True, False)
    ):
        make = lambda xp: xp.linspace(*ends, num, dtype=getattr(xp, dtype), endpoint=endpoint)  # noqa: B023  (called at once)
        same(make(mp), make(strict))
    for bounds_ in [(0.0, 1.0, 0.1), (0.5,), (1.5, -1.0, -0.25), (0.0, 0.3, 0.1), (1, 2, 0.3)]:
        found, expected = (xp.arange(*bounds_, dtype=getattr(xp, dtype)) for xp in (mp, strict))
        assert found.type == Array(numpy(expected)).type
        np.testing.assert_allclose(found, numpy(expected), rtol=1e-6, atol=1e-15)
    with pytest.raises(SettingError, match="num=-1"):
        mp.linspace(0.0, 1.0, -1)
    f = lambda a: mp.sum(mp.linspace(a, 2.0, 5, dtype=mp.float64) ** 2)
    assert mp.check_gradient(f, np.asarray(0.5))


def test_asarray_copies_only_where_it_must():
    a = mp.asarray([1.0, 2.0])
    b = mp.asarray(a, copy=False)
    assert np.shares_memory(a.numpy(), b.numpy())
    for copy in (None, True, False):
        b = mp.asarray(a, copy=copy)
        b[0] = 9.0
        assert a.tolist() == [1.0, 2.0]
    for given, options in [([1.0], {}), (np.ones(2), {}), (a, {"dtype": mp.float64}), (1.0, {})]:
        with pytest.raises(ValueError, match=r"copy=False(?s:.*)fix"):
            mp.asarray(given, copy=False, **options)
        assert mp.asarray(given, copy=True, **options).ndim < 2
    with pytest.raises(SettingError, match="every array is on the CPU"):
        mp.asarray([1.0], device="cuda")


def test_meshgrid():
    for dtype, indexing, lengths in itertools.product(
        ("float32", "int8", "bool"), ("xy", "ij"), [(), (3,), (3, 2), (2, 0), (2, 3, 4), (1, 2, 1, 3)]
    ):
        arrays = [small(dtype, (n,)) for n in lengths]
        assert both(lambda xp, *xs, indexing=indexing: xp.meshgrid(*xs, indexing=indexing), *arrays)
    assert [x.shape for x in mp.meshgrid(mp.asarray(1.0), mp.ones((2,)))] == [(2, 1)] * 2
    with pytest.raises(ShapeError, match="one axis"):
        mp.meshgrid(mp.ones((2, 2)))
    with pytest.raises(SettingError, match="indexing='ab'"):
        mp.meshgrid(mp.ones((2,)), indexing="ab")


# ── moving, putting together, finding ────────────────────────────────────────────────────────────

# name → (kind of dtypes, calls); a call is tried on every shape, and counts where the oracle takes it.
moved = {
    "broadcast_to": ("all", [lambda xp, x: xp.broadcast_to(x, (2, *x.shape)), lambda xp, x: xp.broadcast_to(x, x.shape)]),
    "broadcast_arrays": ("all", [lambda xp, x: list(xp.broadcast_arrays(x, xp.reshape(x, (1, *x.shape)))), lambda xp, x: list(xp.broadcast_arrays(x))]),
    "concat": ("all", [lambda xp, x: xp.concat([x, x]), lambda xp, x: xp.concat((x, x, x), axis=-1), lambda xp, x: xp.concat([x, x], axis=None), lambda xp, x: xp.concat([x], axis=0)]),
    "stack": ("all", [lambda xp, x: xp.stack([x, x]), lambda xp, x: xp.stack([x, x, x], axis=-1), lambda xp, x: xp.stack([x, x], axis=1)]),
    "expand_dims": ("all", [lambda xp, x, a=a: xp.expand_dims(x, axis=a) for a in (0, 1, 2, -1, -2)]),
    "squeeze": ("all", [lambda xp, x: xp.squeeze(xp.expand_dims(x, axis=0), axis=(0,))] + [lambda xp, x, a=a: xp.squeeze(x, axis=a) for a in (0, 1, -1, -2, (), (1,))]),
    "flip": ("all", [lambda xp, x, a=a: xp.flip(x, axis=a) for a in (None, 0, -1, (0, 1), (-1, 0))]),
    "moveaxis": ("all", [lambda xp, x, s=s, d=d: xp.moveaxis(x, s, d) for s, d in [(0, -1), (-1, 0), ((0, 1), (1, 0)), ((0, 1), (-1, -2)), ((), ()), ((2, 0), (0, 1)), (1, 1)]]),
    "permute_dims": ("all", [lambda xp, x: xp.permute_dims(x, tuple(range(x.ndim))[::-1]), lambda xp, x: xp.permute_dims(x, (1, 0)), lambda xp, x: xp.permute_dims(x, (-1, 0, 1))]),
    "reshape": ("all", [lambda xp, x, s=s, c=c: xp.reshape(x, s, copy=c) for s in [(-1,), (1, -1), (2, -1), (3, 2), (0,), (), (0, 3)] for c in (None, True)]),
    "repeat": ("all", [lambda xp, x, n=n, a=a: xp.repeat(x, n, axis=a) for n in (0, 1, 3) for a in (None, 0, -1)] + [lambda xp, x: xp.repeat(x, xp.arange(x.shape[0] if x.ndim else 1), axis=0), lambda xp, x: xp.repeat(x, xp.asarray(2), axis=-1), lambda xp, x: xp.repeat(x, xp.asarray([2], dtype=xp.uint8))]),
    "tile": ("all", [lambda xp, x, r=r: xp.tile(x, r) for r in [(), (2,), (1, 2), (3, 1, 2), (0, 2), (2, 1, 1, 2)]]),
    "roll": ("all", [lambda xp, x, s=s, a=a: xp.roll(x, s, axis=a) for s, a in [(1, None), (-7, None), (2, 0), (-1, -1), ((1, -2), (0, 1)), ((1, 1), (0, 0)), (1, (0, 1)), (0, 0)]]),
    "unstack": ("all", [lambda xp, x: xp.unstack(x), lambda xp, x: xp.unstack(x, axis=-1)]),
    "matrix_transpose": ("all", [lambda xp, x: xp.matrix_transpose(x)]),
    "take": ("all", [lambda xp, x: xp.take(x, xp.asarray([0, 0, -1]), axis=0), lambda xp, x: xp.take(x, xp.asarray([], dtype=xp.int64), axis=-1), lambda xp, x: xp.take(x, xp.asarray([0]))]),
    "take_along_axis": ("all", [lambda xp, x: xp.take_along_axis(x, xp.zeros(x.shape, dtype=xp.int64)), lambda xp, x: xp.take_along_axis(x, xp.zeros((1,) * x.ndim, dtype=xp.int32), axis=0)]),
    "where": ("all", [lambda xp, x: xp.where(x == xp.flip(x), x, xp.zeros_like(x)), lambda xp, x: xp.where(xp.asarray(False), x, xp.zeros_like(x))]),
    "argmax": ("numeric", [lambda xp, x, a=a, k=k: xp.argmax(x, axis=a, keepdims=k) for a in (None, 0, -1) for k in (False, True)]),
    "argmin": ("numeric", [lambda xp, x, a=a, k=k: xp.argmin(x, axis=a, keepdims=k) for a in (None, 0, -1) for k in (False, True)]),
    "count_nonzero": ("all", [lambda xp, x, a=a, k=k: xp.count_nonzero(x, axis=a, keepdims=k) for a in (None, 0, -1, (0, 1), ()) for k in (False, True)]),
    "nonzero": ("all", [lambda xp, x: xp.nonzero(x)]),
    "searchsorted": ("numeric", [lambda xp, x, s=s: xp.searchsorted(xp.sort(xp.reshape(x, (-1,))), x, side=s) for s in ("left", "right")] + [lambda xp, x: xp.searchsorted(xp.reshape(x, (-1,)), x, sorter=xp.argsort(xp.reshape(x, (-1,))))]),
    "unique_all": ("all", [lambda xp, x: xp.unique_all(x)]),
    "unique_counts": ("all", [lambda xp, x: list(in_order(xp, *xp.unique_counts(x)))]),
    "unique_inverse": ("all", [lambda xp, x: xp.take(xp.unique_inverse(x).values, xp.reshape(xp.unique_inverse(x).inverse_indices, (-1,)))]),
    "unique_values": ("all", [lambda xp, x: one_zero(xp, xp.sort(xp.unique_values(x)))]),
    "sort": ("numeric", [lambda xp, x, a=a, d=d, s=s: one_zero(xp, xp.sort(x, axis=a, descending=d, stable=s)) for a in (0, -1) for d in (False, True) for s in (False, True)]),
    "argsort": ("numeric", [lambda xp, x, a=a, d=d: xp.argsort(x, axis=a, descending=d, stable=True) for a in (0, -1) for d in (False, True)]),
    "diff": ("numeric", [lambda xp, x, n=n, a=a: xp.diff(x, axis=a, n=n) for n in (0, 1, 2, 5) for a in (0, -1)] + [lambda xp, x: xp.diff(x, prepend=x, append=x), lambda xp, x: xp.diff(x, axis=0, append=x, n=2)]),
    "all": ("all", [lambda xp, x, a=a, k=k: xp.all(x, axis=a, keepdims=k) for a in (None, 0, -1, (0, 1), ()) for k in (False, True)]),
    "any": ("all", [lambda xp, x, a=a, k=k: xp.any(x, axis=a, keepdims=k) for a in (None, 0, -1, (0, 1), ()) for k in (False, True)]),
    "max": ("numeric", [lambda xp, x, a=a, k=k: xp.max(x, axis=a, keepdims=k) for a in (None, 0, -1, (0, 1), ()) for k in (False, True)]),
    "min": ("numeric", [lambda xp, x, a=a, k=k: xp.min(x, axis=a, keepdims=k) for a in (None, 0, -1, (0, 1), ()) for k in (False, True)]),
    "tril": ("all", [lambda xp, x, k=k: xp.tril(x, k=k) for k in (0, 1, -1, 5, -5)]),
    "triu": ("all", [lambda xp, x, k=k: xp.triu(x, k=k) for k in (0, 1, -1, 5, -5)]),
    "vecdot": ("numeric", [lambda xp, x: xp.vecdot(x, x), lambda xp, x: xp.vecdot(x, x[:1], axis=-1), lambda xp, x: xp.vecdot(xp.matrix_transpose(x), xp.matrix_transpose(x), axis=-2)]),
    "tensordot": ("numeric", [lambda xp, x: xp.tensordot(x, x, axes=0), lambda xp, x: xp.tensordot(x, xp.matrix_transpose(x), axes=1), lambda xp, x: xp.tensordot(x, x, axes=((0, 1), (0, 1)))]),
    "cumulative_sum": ("numeric", [lambda xp, x, a=a, i=i: xp.cumulative_sum(x, axis=a, include_initial=i) for a in (-1, 0) for i in (False, True)] + [lambda xp, x: xp.cumulative_sum(x), lambda xp, x: xp.cumulative_sum(x, axis=0, dtype=xp.float64)]),
    "cumulative_prod": ("numeric", [lambda xp, x, a=a, i=i: xp.cumulative_prod(x, axis=a, include_initial=i) for a in (-1, 0) for i in (False, True)]),
    "matmul": ("numeric", [lambda xp, x: xp.matmul(x, xp.matrix_transpose(x)), lambda xp, x: xp.matmul(x, xp.ones(x.shape[-1:], dtype=x.dtype))]),
}  # fmt: skip


def one_zero(xp, x):
    """0 and −0 are equal, and which of them comes first, or stands for both, is open."""
    zero = xp.zeros_like(x)
    return xp.where(x == zero, zero, x)


def in_order(xp, values, counts):
    order = xp.argsort(values)
    return one_zero(xp, xp.take(values, order)), xp.take(counts, order)


of_sums = {"matmul", "vecdot", "tensordot", "cumulative_sum", "cumulative_prod"}  # in which ∞ − ∞ is anywhere


@pytest.mark.parametrize("name", [name for name in moved if name not in missing])
@of_few_dtypes_in_time
def test_functions_that_move_and_find(name, dtypes):
    kind, calls = moved[name]
    for n, call in enumerate(calls):
        tried = 0
        for dtype, shape in itertools.product([one for one in kinds[kind] if one in dtypes], shapes):
            for x in (numbers(dtype, shape), small(dtype, shape)):
                if name in of_sums and np.dtype(dtype).kind == "f" and (np.abs(x) > 9).any() | np.isnan(x).any():
                    continue
                tried += both(call, x)
        assert tried, f"call {n} is refused everywhere"


need_values = {"nonzero", "unique_all", "unique_counts", "unique_inverse", "unique_values"}


@pytest.mark.parametrize("name", [name for name in moved if name not in need_values | missing.keys()])
def test_they_compile_to_the_same(name):
    kind, calls = moved[name]
    for dtype in [d for d in ("float32", "int8", "bool") if d in kinds[kind]]:
        for x in (numbers(dtype, (2, 3)), small(dtype, (2, 1, 3))):
            if name not in of_sums or dtype != "float32" or (np.abs(x) < 9).all():
                call = lambda x: calls[0](mp, x)
                same(mp.jit(call)(x), call(mp.asarray(x)))


# Sums of many numbers differ by more than the last bit; these are few and small.
summed = {
    "sum": ("numeric", [{}, {"axis": 0}, {"axis": (0, -1)}, {"axis": (), "keepdims": True}, {"dtype": "float64"}, {"dtype": "int8"}]),
    "prod": ("numeric", [{}, {"axis": 0}, {"axis": (0, -1)}, {"axis": (), "keepdims": True}, {"dtype": "float64"}]),
    "mean": ("real", [{}, {"axis": 0}, {"axis": (0, -1), "keepdims": True}]),
    "var": ("real", [{}, {"axis": 0}, {"axis": -1, "keepdims": True, "correction": 1}, {"correction": 0.5}, {"correction": 9}]),
    "std": ("real", [{}, {"axis": 0}, {"axis": -1, "keepdims": True, "correction": 1.0}]),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in summed if name not in missing])
@pytest.mark.filterwarnings("ignore:Degrees of freedom", "ignore:Mean of empty slice")
def test_statistics(name):
    kind, several = summed[name]
    for options, dtype, shape in itertools.product(several, kinds[kind], shapes):
        call = lambda xp, x, options=options: getattr(xp, name)(
            x, **{k: getattr(xp, v) if k == "dtype" else v for k, v in options.items()}
        )
        both(call, small(dtype, shape))


def test_where_takes_numbers():
    condition = mp.asarray([True, False])
    for x, y in itertools.product((1, 2.5, True, mp.asarray([1.0, 2.0]), mp.asarray([1, 2], dtype=mp.int8)), repeat=2):
        found = mp.where(condition, x, y)
        assert found.dtype == mp.result_type(x, y)
        np.testing.assert_array_equal(found, np.where([True, False], np.asarray(x), np.asarray(y)))


def test_what_is_near():
    x = np.asarray([1.0, 1.0, np.inf, np.inf, -np.inf, np.nan, 0.0, 1e10])
    y = np.asarray([1.0 + 1e-6, 1.1, np.inf, 1.0, np.inf, np.nan, 1e-9, 1.00001e10])
    for options in ({}, {"equal_nan": True}, {"rtol": 0.2}, {"rtol": 0, "atol": 1e-7}):
        np.testing.assert_array_equal(mp.isclose(x, y, **options), np.isclose(x, y, **options))
        np.testing.assert_array_equal(mp.isclose(y, x, **options), np.isclose(y, x, **options))
    big = np.asarray([2**60, 0, 255])
    np.testing.assert_array_equal(mp.isclose(big, big + 1), np.isclose(big, big + 1))
    assert mp.isclose(mp.asarray([0, 255], dtype=mp.uint8), mp.asarray([1, 255], dtype=mp.uint8)).tolist() == [
        False,
        True,
    ]
    assert bool(mp.allclose(x[:1], y[:1]))
    assert not bool(mp.allclose(x, y))


def test_the_greatest():
    x = np.asarray([[3.0, 1.0, 2.0, 3.0], [0.0, np.nan, -np.inf, 5.0]])
    values, positions = mp.topk(x, 2)
    np.testing.assert_array_equal(values, [[3.0, 3.0], [np.nan, 5.0]])
    np.testing.assert_array_equal(positions, [[0, 3], [1, 3]])
    assert mp.topk(x, 0).values.shape == (2, 0)
    assert mp.topk(x, 1, axis=0).positions.tolist() == [[0, 1, 0, 1]]
    for k in (-1, 5, 1.5):
        with pytest.raises(SettingError, match=r"from 0 to 4"):
            mp.topk(x, k)
    np.testing.assert_array_equal(mp.grad(lambda x: mp.sum(mp.topk(x, 2).values))(x[0]), [1, 0, 0, 1])


def test_every_function_of_the_standard_is_compared():
    """By a table above, or by a test of its own."""
    of_their_own = {
        "clip", "astype", "can_cast", "result_type", "isdtype", "finfo", "iinfo", "empty", "empty_like", "linspace", "meshgrid",
        "from_dlpack", "__array_namespace_info__",
    }  # fmt: skip
    functions = {name for name in of_the_standard if inspect.isfunction(getattr(strict, name))}
    assert functions - missing.keys() == {*unary, *binary, *made, *moved, *summed, *of_their_own} - missing.keys()


# ── a margin ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dtype", ["f4", "f2", "i8", "u1", "bool"])
@pytest.mark.parametrize("shape", [(40,), (3, 41), (2, 3, 17), (4, 1)])
@pytest.mark.parametrize("draws", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_topk_is_the_begin_of_the_order_backwards(shape, dtype, draws):
    """With many ties, and NaN among floats."""
    rng = np.random.default_rng(0)
    for _ in range(draws):
        x = rng.integers(0, 7, size=shape).astype(dtype)
        if x.dtype.kind == "f":
            x[rng.random(shape) < rng.choice([0.0, 0.1, 0.9])] = np.nan
        order = np.asarray(mp.argsort(mp.asarray(x), descending=True))
        for k in range(shape[-1] + 1):
            values, positions = mp.topk(mp.asarray(x), k)
            np.testing.assert_array_equal(np.asarray(positions), order[..., :k])
            np.testing.assert_array_equal(np.asarray(values), np.take_along_axis(x, order[..., :k], axis=-1))


modes = ("edge", "reflect", "symmetric", "wrap")


@pytest.mark.parametrize("mode", modes)
@pytest.mark.parametrize("shape", [(1,), (2,), (5,), (2, 3), (1, 4, 2)])
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_margin_of_its_own_elements(mode, shape, compiled):
    x = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    for width in (0, 1, (2, 0), (0, 3), (7, 4), [(n, 2 * n) for n in range(len(shape))]):
        pad = lambda x: mp.pad(x, width, mode=mode)  # noqa: B023  (called at once)
        np.testing.assert_array_equal((mp.jit(pad) if compiled else pad)(x), np.pad(x, width, mode))


@pytest.mark.parametrize("mode", modes)
def test_a_margin_has_a_gradient_a_dtype_and_something_to_be_made_of(mode):
    assert mp.check_gradient(lambda x: mp.sum(mp.sin(mp.pad(x, ((3, 1), (1, 4)), mode))), np.arange(6.0).reshape(2, 3))
    assert mp.pad(np.asarray([True, False]), 1, mode).dtype == mp.bool
    with pytest.raises(ShapeError, match="nothing for its margin"):
        mp.pad(np.zeros((0,)), 1, mode)
    with pytest.raises(SettingError, match="no value"):
        mp.pad(np.zeros((2,)), 1, mode, value=1.0)


@pytest.mark.parametrize("mode", modes)
def test_a_margin_many_times_as_long_as_the_array(mode):
    x = np.arange(3.0, dtype="f4")
    for width in ((100, 57), (0, 1000), (31, 0)):
        padded = mp.jit(lambda x: mp.pad(x, width, mode))  # noqa: B023  (called at once)
        np.testing.assert_array_equal(padded(x), np.pad(x, width, mode))
        np.testing.assert_array_equal(mp.grad(lambda x: mp.sum(mp.pad(x, width, mode)))(x).sum(), 3 + sum(width))  # noqa: B023


def test_a_mode_that_is_none():
    with pytest.raises(SettingError, match="'constant', 'edge', 'reflect', 'symmetric' or 'wrap'"):
        mp.pad(np.zeros((2,)), 1, "mirror")


# ── added up where it belongs ────────────────────────────────────────────────────────────────────


def test_sums_of_segments_and_scattered_sums():
    rng = np.random.default_rng(0)
    x, segments = rng.normal(size=(6, 2)), np.asarray([2, 0, 2, 1, 0, 2])
    expected = np.stack([x[segments == s].sum(axis=0) for s in range(4)])
    np.testing.assert_allclose(mp.segment_sum(x, segments, 4), expected, rtol=1e-14)
    np.testing.assert_allclose(mp.segment_sum(x.reshape(2, 3, 2), segments.reshape(2, 3), 4), expected, rtol=1e-14)
    assert mp.segment_sum(np.asarray([True, True, False]), np.asarray([1, 1, 0]), 2).tolist() == [0, 2]
    wide = np.zeros((2, 4))
    np.testing.assert_array_equal(
        mp.scatter_add(wide, np.asarray([1, 3, 1]), np.ones((2, 3)), axis=1), [[0, 2, 0, 1]] * 2
    )
    np.testing.assert_array_equal(
        mp.scatter_add(wide, np.asarray([[1, 1], [0, -1]]), 2.0, axis=1), [[0, 4, 0, 0], [2, 0, 0, 2]]
    )
    np.testing.assert_array_equal(mp.scatter_add(np.zeros(3), np.asarray([0, 0]), np.asarray([1.0, 2.0])), [3, 0, 0])
    for call, error in [
        (lambda: mp.segment_sum(x, segments[:3], 4), ShapeError),
        (lambda: mp.segment_sum(x, segments * 1.0, 4), DTypeError),
        (lambda: mp.segment_sum(x, segments, -1), SettingError),
        (lambda: mp.segment_sum(x, segments, 2), IndexError),
        (lambda: mp.scatter_add(np.zeros((2, 2, 2)), np.zeros((2, 2), np.int64), 1.0), ShapeError),
    ]:
        with pytest.raises(error):
            call()


@pytest.mark.parametrize(
    ("shape", "mask"), [((2, 1), (0,)), ((2, 1), (0, 1)), ((0, 1), (0, 0)), ((2, 3), (2, 0)), ((2, 3, 4), (2, 0))]
)
def test_a_mask_may_have_axes_of_length_zero(shape, mask):
    x, key = np.ones(shape, np.float32), np.zeros(mask, np.bool_)
    found = mp.asarray(x)[mp.asarray(key)]
    assert found.shape == x[key].shape
    changed = mp.asarray(x)
    changed[mp.asarray(key)] = 5.0
    np.testing.assert_array_equal(changed, x)


@pytest.mark.parametrize(("shape", "mask"), [((2, 3), (2, 2)), ((2,), (2, 2)), ((0, 3), (1, 3))])
def test_a_mask_that_does_not_fit_is_an_index_error(shape, mask):
    for error in (IndexError, ShapeError):
        with pytest.raises(error, match=r"boolean index|indices"):
            mp.zeros(shape)[mp.zeros(mask, dtype=mp.bool)]


@pytest.mark.parametrize("parts", [1, 3, [2], [1, 1, 4], [4, 2], [-2], [], [9]])
def test_split_cuts_as_numpy_does(parts):
    x = np.arange(24).reshape(2, 6, 2)
    for found, expected in zip(mp.split(x, parts, axis=1), np.split(x, parts, axis=1), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_split_into_parts_that_are_not_equal_is_an_error():
    with pytest.raises(ShapeError, match="no 4 equal parts"):
        mp.split(mp.zeros((6,)), 4)


# ── inside a trace ───────────────────────────────────────────────────────────────────────────────

rng = np.random.default_rng(7)
floats, positions = rng.normal(size=(3, 4)), np.asarray([[0, 3, 1, 1], [2, 2, 0, 1], [3, 0, 0, 2]])
in_rows = np.sort(rng.normal(size=(3, 5)))
# name → (function of floating arrays and perhaps an integer one, its arguments); each argument has three rows.
traced = {
    "repeat": (lambda x: mp.repeat(x, 2, axis=0), [floats]),
    "repeat by known numbers": (lambda x: mp.repeat(x, [2, 0, 1, 3], axis=0), [floats]),
    "tile": (lambda x: mp.tile(x, (2, 3)), [floats]),
    "roll": (lambda x: mp.roll(x, -3), [floats]),
    "roll along": (lambda x: mp.roll(mp.reshape(x, (2, 2)), (1, 1), axis=(0, 1)), [floats]),
    "unstack": (lambda x: mp.unstack(x)[1] * mp.unstack(x)[-1], [floats]),
    "split": (lambda x: mp.split(x, 2)[0] * mp.split(x, [1, 3])[1], [floats]),
    "broadcast_arrays": (lambda x: mp.broadcast_arrays(x, x[:, None])[1], [floats]),
    "meshgrid": (lambda x: mp.meshgrid(x, x[:2])[0] * mp.meshgrid(x, x[:2])[1], [floats]),
    "moveaxis": (lambda x: mp.moveaxis(mp.reshape(x, (2, 1, 2)), (0, 1), (2, 0)), [floats]),
    "eye": (lambda x: x * mp.eye(4, k=1, dtype=mp.float64), [floats]),
    "linspace": (lambda x: mp.linspace(x[0], x[1], 4, dtype=mp.float64), [floats]),
    "diff": (lambda x: mp.diff(x, n=2, prepend=x[:1]), [floats]),
    "clip": (lambda x, y: mp.clip(x, y - 0.5, y + 0.5), [floats, floats[:, ::-1].copy()]),
    "topk": (lambda x: mp.topk(x, 2).values, [floats]),
    "pad": (lambda x: mp.pad(x, (2, 5), mode="reflect"), [floats]),
    "take_along_axis": (lambda x, i: mp.take_along_axis(x[None], i[:, None] * 0), [floats, positions]),
    "segment_sum": (lambda x, i: mp.segment_sum(x, i, 4), [floats, positions]),
    "scatter_add": (lambda x, i: mp.scatter_add(x * x, i, x), [floats, positions]),
    "scatter_add along": (lambda x, i: mp.scatter_add(mp.stack([x, -x]), mp.stack([i, i]), x * x, axis=1), [floats, positions]),
    "searchsorted": (lambda x, y: mp.searchsorted(x, y, side="right").astype(mp.float64) * y, [in_rows, floats]),
    "isclose": (lambda x: mp.where(mp.isclose(x, x * 1.0001, rtol=1e-3), x, 0.0), [floats]),
    "count_nonzero": (lambda x: x * mp.count_nonzero(x > 0), [floats]),
    "mask": (lambda x: set_where(x, x > 0, 0.5), [floats]),
    "mask of rows": (lambda x: set_where(mp.reshape(x, (2, 2)), x[:2] > 0, mp.asarray([1.0, 2.0])), [floats]),
}  # fmt: skip


def set_where(x, mask, value):
    y = x * 1.0
    y[mask] = value
    return y


@pytest.mark.parametrize("name", traced)
def test_compositions_compile_differentiate_and_take_rows(name):
    f, arguments = traced[name]
    floating = [n for n, x in enumerate(arguments) if x.dtype.kind == "f"]
    first = [mp.asarray(x[0]) for x in arguments]
    expected = f(*first)
    np.testing.assert_allclose(mp.jit(f)(*first), expected, rtol=1e-14)
    loop = np.stack([f(*map(mp.asarray, rows)) for rows in zip(*arguments, strict=True)])
    np.testing.assert_allclose(mp.vmap(f)(*arguments), loop, rtol=1e-13)
    np.testing.assert_allclose(mp.jit(mp.vmap(f))(*arguments), loop, rtol=1e-13)

    def loss(*xs):
        operands = list(first)
        for n, x in zip(floating, xs, strict=True):
            operands[n] = x
        return mp.sum(mp.sin(f(*operands)))

    assert mp.check_gradient(loss, *[first[n] for n in floating])
    argnums = list(range(len(floating)))
    for found, eager in zip(
        mp.jit(mp.grad(loss, argnums))(*[first[n] for n in floating]),
        mp.grad(loss, argnums)(*[first[n] for n in floating]),
        strict=True,
    ):
        np.testing.assert_allclose(found, eager, rtol=1e-12, atol=1e-14)


depends = {
    "nonzero": (lambda x: mp.nonzero(x > 0), r"nonzero of a traced boolean array(?s:.*)mp\.where"),
    "unique_all": (lambda x: mp.unique_all(x), "unique_all of a traced array(?s:.*)outside mp.jit"),
    "unique_values": (lambda x: mp.unique_values(x), "unique_values of a traced array"),
    "unique_counts": (lambda x: mp.unique_counts(x), "unique_counts of a traced array"),
    "unique_inverse": (lambda x: mp.unique_inverse(x), "unique_inverse of a traced array"),
    "repeat": (lambda x: mp.repeat(x, x.astype(mp.int64)), "repeat by a traced array(?s:.*)Python integer"),
    "mask": (lambda x: x[x > 0], r"traced boolean array(?s:.*)mp\.where"),
    "values for a mask": (lambda x: set_where(x, x > 0, x), r"depends on how many(?s:.*)mp\.where"),
}  # fmt: skip


@pytest.mark.parametrize("name", depends)
def test_a_shape_that_depends_on_data_is_refused_inside_a_trace(name):
    f, message = depends[name]
    for traced_ in (mp.jit(f), lambda x: mp.vmap(f)(mp.stack([x, x])), lambda x: mp.trace(f, x)):
        with pytest.raises(TraceError, match=message):
            traced_(mp.asarray([1.0, -1.0, 2.0]))


def test_an_array_from_outside_a_compiled_function_is_not_known_at_its_next_call():
    x, mask, often = mp.asarray([1.0, 2.0, 3.0]), mp.asarray([True, False, True]), mp.asarray([2, 0, 1])
    for f in (
        lambda x: x[mask],
        lambda x: mp.repeat(x, often),
        lambda x: mp.sum(x) + mp.nonzero(mask)[0],
        lambda x: mp.grad(lambda x: mp.sum(x[mask]))(x),
    ):
        with pytest.raises(TraceError, match=r"from outside the function that is compiled(?s:.*)np\.asarray\(a\)"):
            mp.jit(f)(x)
        assert f(x).size
        assert mp.vmap(f)(mp.stack([x, x])).size
    known = np.asarray(mask)
    assert mp.jit(lambda x: x[known] + x[mp.asarray(np.asarray([0, 1]))])(x).tolist() == [2.0, 5.0]
    assert mp.jit(lambda x: set_where(x, mask, 0.0))(x).tolist() == [0.0, 2.0, 0.0]


def test_an_array_whose_trace_has_ended_has_no_value():
    kept = []
    mp.grad(lambda x: mp.sum(kept.append(x) or x))(mp.asarray([1.0, 0.0]))
    for f in (mp.nonzero, mp.unique_values, lambda x: mp.ones((2,))[x > 0]):
        with pytest.raises(TraceError, match="after its trace has ended"):
            f(kept[0])


def test_it_works_where_a_trace_computes_while_it_records():
    x = mp.asarray([3.0, -1.0, 3.0, 2.0])
    assert mp.grad(lambda x: mp.sum(x[mp.nonzero(x > 0)] ** 2))(x).tolist() == [6.0, 0.0, 6.0, 4.0]
    assert mp.grad(lambda x: mp.sum(mp.unique_values(x) ** 2))(x).tolist() == [6.0, -2.0, 0.0, 4.0]


# ── the array object ─────────────────────────────────────────────────────────────────────────────

keys = [
    (), ..., None, 0, -1, slice(None), slice(1, None), slice(None, None, -1), slice(3, 0, -2), (0, 0), (0, ...), (..., 0), (..., None, 0),
    (slice(None), None), (None, ..., None), (slice(0, 0),), (-1, slice(None, None, 2)), (slice(-9, 9), 1), (0, 0, slice(None)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint64", "bool"])
def test_keys_of_integers_and_slices(dtype):
    for key, shape in itertools.product(keys, shapes):
        x = numbers(dtype, shape)
        if not both(lambda _, x, key=key: x[key], x):
            continue
        a, expected = mp.asarray(x), x.copy()
        a[key] = dtype == "bool" or 1
        expected[key] = 1
        np.testing.assert_array_equal(a, expected)


def test_masks_and_integer_arrays():
    for shape in shapes:
        x = numbers("float64", shape)
        for mask in (small("bool", shape), np.ones(shape, bool), np.zeros(shape, bool)):
            assert both(lambda _, x, mask: x[mask], x, mask)
            a, expected = mp.asarray(x), x.copy()
            a[mp.asarray(mask)] = -7.0
            expected[mask] = -7.0
            np.testing.assert_array_equal(a, expected)
    assert both(lambda xp, x: x[xp.asarray([0, 1, 0]), xp.asarray([2, -1, 0])], small("int32", (2, 3)))
    assert both(lambda xp, x: x[xp.asarray([[1], [0]]), xp.asarray([0, 2])], small("int32", (2, 3)))
    assert mp.asarray(3.0)[mp.asarray(True)].tolist() == [3.0]
    assert mp.ones((2, 3))[np.asarray(False)].shape == (0, 2, 3)
    jitted = mp.jit(lambda x: x[np.asarray([True, False, True])] + x[np.asarray(True)][0, :2])
    assert jitted(mp.asarray([1.0, 2.0, 3.0])).tolist() == [2.0, 5.0]


def test_transposes():
    a = mp.asarray(small("float32", (2, 3)))
    np.testing.assert_array_equal(a.T, a.numpy().T)
    assert mp.ones((2, 3, 4)).mT.shape == (2, 4, 3)
    for shape in [(), (2,), (2, 3, 4)]:
        with pytest.raises(ShapeError, match=r"two axes(?s:.*)a\.mT"):
            mp.ones(shape).T  # noqa: B018  (the access itself is tested)


def test_operators_in_place_rebind_the_handle():
    names_ = ("+=", "-=", "*=", "/=", "//=", "%=", "**=", "@=")
    for name in names_:
        space = {"a": mp.asarray([[4.0, 2.0], [1.0, 3.0]]), "b": mp.asarray([[2.0, 1.0], [1.0, 2.0]])}
        before = kept = space["a"]
        expected = {"a": before.numpy().copy(), "b": space["b"].numpy()}
        exec(f"a {name} b", space)
        exec("a = a @ b" if name == "@=" else f"a {name} b", expected)
        np.testing.assert_allclose(space["a"], expected["a"])
        assert kept.tolist() == [[4.0, 2.0], [1.0, 3.0]]
    for name in ("&=", "|=", "^=", "<<=", ">>="):
        space = {"a": mp.asarray([4, 2]), "b": mp.asarray([1, 3])}
        exec(f"a {name} b", space)
        assert space["a"].dtype == mp.int64


def test_numbers_out_of_arrays_and_no_others():
    assert complex(mp.asarray(1.5)) == 1.5 + 0j
    assert complex(mp.asarray(True)) == 1
    assert int(mp.asarray(True)) == 1
    with pytest.raises(ShapeError, match="complex"):
        complex(mp.ones((2,)))
    with pytest.raises(TraceError, match="complex"):
        mp.grad(lambda x: x * complex(x).real)(2.0)
    with pytest.raises(DTypeError):
        mp.asarray(1j)


def test_an_axis_that_is_not_there():
    x = mp.ones((2, 3))
    for call in (
        lambda: mp.expand_dims(x, axis=4), lambda: mp.sum(x, axis=2), lambda: mp.flip(x, axis=-3), lambda: mp.roll(x, 1, axis=2),
        lambda: mp.unstack(x, axis=5), lambda: mp.repeat(x, 2, axis=2), lambda: mp.diff(x, axis=2), lambda: mp.sort(x, axis=2),
    ):  # fmt: skip
        with pytest.raises(AxisError, match=r"2 axes|3 axes") as caught:
            call()
        assert isinstance(caught.value, ShapeError)
        assert isinstance(caught.value, IndexError)


# ── memory of other libraries ────────────────────────────────────────────────────────────────────


def test_arrays_go_to_other_libraries_and_come_back():
    for name in names:
        x = small(name, (2, 3))
        a = mp.from_dlpack(x)
        assert a.dtype == x.dtype
        np.testing.assert_array_equal(a, x)
        back = np.from_dlpack(a)
        np.testing.assert_array_equal(back, x)
        assert not np.shares_memory(back, a.numpy())
        shared = np.from_dlpack(a, copy=False)
        assert np.shares_memory(shared, a.numpy())
        assert not shared.flags.writeable
    x[...] = 0
    assert a.tolist() != x.tolist() or not a.numpy().any()
    source = np.ones(3)
    a = mp.from_dlpack(source, copy=True, device="cpu")
    source[0] = 5
    assert a.tolist() == [1, 1, 1]
    assert mp.from_dlpack(a, copy=False).tolist() == a.tolist()
    with pytest.raises(BufferError, match="fix"):
        mp.from_dlpack(source, copy=False)
    assert a.__dlpack_device__() == source.__dlpack_device__()


def test_memory_that_may_be_written_to_is_a_copy():
    a = mp.asarray([1.0, 2.0])
    for version in (None, (0, 8)):
        with pytest.raises(BufferError, match="fix"):
            a.__dlpack__(copy=False, max_version=version)
    with pytest.raises(BufferError):
        a.__dlpack__(dl_device=(2, 0))
    with pytest.raises(TraceError):
        mp.jit(lambda x: np.from_dlpack(x))(a)


def test_pytorch_and_arrays():
    torch = pytest.importorskip("torch")
    a = mp.asarray([[1.0, 2.0]])
    tensor = torch.from_dlpack(a)
    back = mp.from_dlpack(tensor)
    tensor[0, 0] = 9.0  # which it does also to memory that is marked
    assert a.tolist() == back.tolist() == [[1.0, 2.0]]
    assert tensor.tolist() == [[9.0, 2.0]]


def test_scikit_learn_computes_with_arrays():
    pytest.importorskip("sklearn")
    program = """
import maplet as mp, sklearn
from sklearn.metrics import r2_score
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.preprocessing import MinMaxScaler, StandardScaler
x = mp.random.Generator(0).normal((50, 3)) * 2 + 1
with sklearn.config_context(array_api_dispatch=True):
    scaled = StandardScaler().fit_transform(x)
    unit, near = MinMaxScaler().fit_transform(x), cosine_similarity(x)
    assert isinstance(scaled, mp.Array) and isinstance(unit, mp.Array) and near.shape == (50, 50)
    assert scaled.dtype == mp.float32
    assert mp.allclose(mp.mean(scaled, axis=0), mp.zeros(3), atol=1e-5) and mp.allclose(mp.std(scaled, axis=0), mp.ones(3))
    assert r2_score(x[:, 0], x[:, 0]) == 1.0
"""
    settings = {**os.environ, "SCIPY_ARRAY_API": "1"}  # read when SciPy is imported
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, env=settings, timeout=300)


def test_there_is_one_device():
    a = mp.asarray([1.0])
    assert a.device == "cpu"
    assert a.to_device("cpu").tolist() == [1.0]
    for call in (
        lambda: a.to_device("cuda"),
        lambda: a.to_device("cpu", stream=1),
        lambda: mp.zeros((2,), device="cuda:0"),
    ):
        with pytest.raises(SettingError, match="fix"):
            call()
    assert mp.jit(lambda x: x if x.device == "cpu" else -x)(a).tolist() == [1.0]
