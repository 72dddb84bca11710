"""Laws that hold for every primitive in the registry: a new one is tested as soon as it is registered."""

# A case is one line of a table.
# ruff: noqa: E501

import itertools

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maplet as mp
from maplet.core.array import Array
from maplet.core.index_notation import Call, Cast, Expression, Index, Literal, Read, Reduce, Running
from maplet.core.primitive import registry
from maplet.core.trace import bind
from maplet.core.types import ArrayType, dtypes_by_short_name, kind_of
from maplet.errors import DTypeError, ShapeError
from maplet.ops.philox import philox

# An input has no meaning of its own, a constant is its parameter, and the nested forms are tested in test_control_*.py.
without_example = {"input", "constant", "item", "call", "scan", "while_loop", "switch", "custom_gradient"}
primitives = [p for p in registry.values() if p.name not in without_example]
every_primitive = pytest.mark.parametrize("primitive", primitives, ids=lambda p: p.name)

# Operations that cannot be said in index notation, each with its reason.
on_the_host = {
    *("sort", "top"),  # as below
    "argsort",  # an order is found by comparisons that depend on the ones before
    "solve",  # elimination: each step divides by what the steps before have left
    *("det", "cofactor", "slogdet"),  # elimination
    *("cholesky", "qr"),  # each column is made of what the columns before have left
    *("eigh", "svd", "pinv"),  # found by steps that are repeated until nothing changes
}
in_index_notation = pytest.mark.parametrize(
    "primitive", [p for p in primitives if p.name not in on_the_host], ids=lambda p: p.name
)

# Odd shapes beyond each primitive's own example: lengths 0 and 1, no axes, negative steps …
odd_cases = {
    "sum": [
        ((), (), False),
        ((0,), (0,), False),
        ((3, 0), (1,), True),
        ((2, 1, 3), (0, 1, 2), True),
        ((2, 3), (), False),
    ],
    "max": [((), (), False), ((2, 1, 3), (1, 2), True), ((0, 3), (1,), False)],
    "any": [((0,), (0,), False), ((2, 3), (0,), True)],
    "argmax": [((1,), 0), ((2, 3, 4), 1), ((0, 3), 1), ((3, 2), 0)],
    "reshape": [((), (1, 1)), ((0, 3), (2, 0)), ((1, 6), (3, 1, 2)), ((1,), ())],
    "permute_dims": [((), ()), ((0, 2), (1, 0)), ((2, 3, 4, 5), (3, 1, 0, 2))],
    "broadcast_to": [((), ()), ((), (2, 3)), ((1,), (0,)), ((2, 1, 3), (4, 2, 5, 3))],
    "slice": [
        ((4,), (3,), (0,), (1,)),
        ((5,), (4,), (5,), (-1,)),
        ((0, 2), (0, 0), (0, 2), (1, 1)),
        ((7, 3), (1, 2), (3, 2), (2, -1)),
    ],
    "pad": [((), (), (), ()), ((0,), (1,), (2,), (3,)), ((3, 1), (0, 2), (1, 0), (2, 4))],
    "iota": [((0,), 0), ((3, 1, 2), 0), ((4,), 0)],
    "cumulative_sum": [((1,), 0), ((0, 3), 0), ((2, 0), 0), ((3, 1, 2), 2), ((5, 3), 0)],
    "diagonal": [((1, 1), 0, 0), ((0, 3), 0, 0), ((4, 2), 1, 0), ((2, 4), 0, 3), ((3, 3), 0, 5), ((2, 0, 3), 0, 1)],
    "random_bits": [
        (((), ()),),
        (((), (0,)),),
        (((), (9,)),),
        (((), (2, 3, 5)),),
        (((2,), (3,)),),
        (((2, 0), (5,)),),
        (((3, 2), ()),),
    ],
}
odd_cases |= dict.fromkeys(("cumulative_prod", "cumulative_max"), odd_cases["cumulative_sum"])
odd_cases |= {"prod": odd_cases["sum"], "min": odd_cases["max"], "all": odd_cases["any"], "argmin": odd_cases["argmax"]}
names_of_params = {
    **dict.fromkeys(("cumulative_sum", "cumulative_prod", "cumulative_max"), ("axis",)), "diagonal": ("row", "column"),
    **dict.fromkeys(("sum", "prod", "max", "min", "any", "all"), ("axes", "keepdims")), "argmax": ("axis",), "argmin": ("axis",),
    "reshape": ("shape",), "permute_dims": ("axes",), "broadcast_to": ("shape",), "slice": ("starts", "lengths", "steps"),
    "pad": ("low", "high", "between"), "iota": ("axis",), "random_bits": (),
}  # fmt: skip


def cases(primitive, seed=0):
    """Inputs and parameters on which the laws are tried: the primitive's own example, and odd shapes."""
    rng = np.random.default_rng(seed)
    yield example(primitive, rng)
    for shape, *values in odd_cases.get(primitive.name, []):
        params = dict(zip(names_of_params[primitive.name], values, strict=True))
        if primitive.name == "iota":
            yield [], {"shape": shape, **params}
        elif primitive.name == "random_bits":
            lead, shape = shape  # noqa: PLW2901  (of the keys, and of each draw)
            yield [rng.integers(2**64, size=lead, dtype=np.uint64) for _ in range(2)], {"shape": shape}
        else:
            x = np.asarray(rng.permutation(int(np.prod(shape))).reshape(shape) / 8)
            yield [x > 0.3 if primitive.name in ("any", "all") else x], params
    if primitive.name == "polygamma":  # other orders, and between the poles
        yield [rng.uniform(-2.8, -2.2, size=(4,))], {"n": 1}
        yield [rng.uniform(-0.8, -0.2, size=(4,))], {"n": 2}
        yield [rng.uniform(0.5, 9, size=(4,))], {"n": 5}
    yield from gathering_cases(primitive.name, rng)


def look_ups(name, rng):
    """out[lead…, before…, p…, after…] = x[lead…, before…, positions[lead…, p…], after…], and its adjoint."""
    for lead, before, length, after, places in [
        ((), (), 4, (), ()),
        ((), (2,), 3, (), (0,)),
        ((), (), 3, (2,), (2, 2)),
        ((), (1,), 5, (1,), (3,)),
        ((2,), (), 5, (), ()),
        ((2, 3), (4,), 5, (1,), (2,)),
        ((2,), (3,), 5, (), (2, 2)),
        ((0,), (), 5, (2,), (3,)),
    ]:
        params = {"axis": len(lead) + len(before)} | ({"batch": len(lead)} if lead else {})
        positions = np.asarray(rng.integers(-length, length, size=(*lead, *places), dtype=np.int8))
        if name == "take":
            yield [rng.normal(size=(*lead, *before, length, *after)), positions], params
        else:
            g = np.asarray(rng.normal(size=(*lead, *before, *places, *after)))
            yield [g, positions], params | {"length": length}
    if name == "take":
        yield [rng.normal(size=(200,)), np.asarray([-100, 3, 127], np.int8)], {"axis": 0}


def window_cases(name, rng):
    """Windows side by side, over one another, with gaps, of one element, spread; none at all."""
    for length, size, stride, dilation in [
        (6, 2, 2, 1),
        (7, 3, 1, 1),
        (8, 2, 3, 1),
        (5, 1, 2, 1),
        (9, 3, 2, 2),
        (4, 5, 1, 1),
    ]:
        steps = {"axes": (1,), "sizes": (size,), "strides": (stride,), "dilation": (dilation,)}
        places = max(0, (length - (size - 1) * dilation - 1) // stride + 1)
        if name == "windows":
            yield [rng.normal(size=(2, length, 2))], steps
        else:
            yield [rng.normal(size=(size, 2, places, 2))], steps | {"lengths": (length,)}


def gathering_cases(name, rng):
    """Positions of every integer kind, none at all, and on axes longer than the kind can count."""
    if name in ("take", "add_at"):
        yield from look_ups(name, rng)
    if name == "take_along_axis":
        yield [rng.normal(size=(3, 1, 2)), np.asarray([[[0, 0]], [[-1, 0]], [[0, -1]]], np.int32)], {"axis": 1}
        yield [rng.normal(size=(3, 0)), np.zeros((3, 0), np.int64)], {"axis": 1}
    if name == "add_along_axis":
        yield [rng.normal(size=(2, 3)), rng.integers(-2, 2, size=(2, 3))], {"axis": 0, "length": 4}
        yield [rng.normal(size=(2, 0)), np.zeros((2, 0), np.int64)], {"axis": 1, "length": 3}
    if name == "put":
        yield [rng.normal(size=(3,)), np.zeros((0,), np.int64), np.zeros((0,))], {}
        yield [rng.normal(size=(3,)), np.asarray([2, -1, 0, 2], np.int16), rng.normal(size=(4,))], {}
        yield [rng.normal(size=(2, 3, 5)), rng.integers(-3, 3, size=(2, 4)), rng.normal(size=(2, 4, 5))], {"batch": 1}
        yield (
            [rng.normal(size=(2, 3, 3)), rng.integers(-3, 3, size=(2, 3, 2)), rng.normal(size=(2, 3, 2))],
            {"batch": 2},
        )
        yield [rng.normal(size=(2, 3)), np.zeros((2, 0), np.int64), np.zeros((2, 0))], {"batch": 1}
    if name == "concat":
        yield [rng.normal(size=(3,)), rng.normal(size=(0,))], {"axis": 0}
        yield [rng.normal(size=(2, 1, 3)), rng.normal(size=(2, 2, 3)), rng.normal(size=(2, 0, 3))], {"axis": 1}
    yield from multiplying_cases(name, rng)


def multiplying_cases(name, rng):
    """Sums of products, windows and recurrences of odd shapes."""
    if name == "matmul":
        yield [rng.normal(size=(3, 4)), rng.normal(size=(4, 1))], {}
        yield [rng.normal(size=(2, 0)), rng.normal(size=(0, 3))], {}
        yield [rng.normal(size=(5, 1, 2, 3)), rng.normal(size=(1, 4, 3, 2))], {}
        yield [rng.normal(size=(3, 2)), rng.normal(size=(4, 2, 3))], {}
        yield [rng.normal(size=(4, 3, 2)), rng.normal(size=(2, 5))], {}
    if name == "contract":
        for shapes, first, second, result in [
            (((3,), (3,)), "a", "a", ""),
            (((2, 3), (4,)), "ab", "c", "cab"),
            (((2, 0), (0, 3)), "ab", "bc", "ac"),
            (((2, 3, 4), (3, 2)), "bac", "ab", "cb"),
        ]:
            letters = {"first": first, "second": second, "result": result}
            yield [rng.normal(size=shape) for shape in shapes], letters
    if name in ("windows", "add_windows"):
        yield from window_cases(name, rng)
    if name == "recurrence":
        yield [rng.normal(size=(3, 0)), rng.normal(size=(3, 0))], {"axis": 1}
        yield [rng.normal(size=(4, 2)), rng.normal(size=(4, 2))], {"axis": 0}
        yield [rng.normal(size=(1,)), rng.normal(size=(1,))], {"axis": 0}
    if name in ("det", "cofactor", "slogdet", "cholesky", "eigh"):
        yield [np.asarray([[2.5]])], {}
        yield [np.zeros((2, 0, 0))], {}
    if name == "pinv":
        yield [rng.normal(size=(2, 4)), np.asarray(1e-3)], {}
    if name in ("qr", "svd"):
        settings = {"mode": "complete"} if name == "qr" else {"full_matrices": True}
        yield [rng.normal(size=(3, 3)) + np.diag([1.0, 4.0, 9.0])], settings
        yield [rng.normal(size=(2, 4)) + 5 * np.eye(2, 4) * [[1.0], [2.0]]], example(registry[name], rng)[1]
        yield [np.zeros((2, 0, 3))], example(registry[name], rng)[1]
    if name == "conv":
        for x, w, strides, dilation in [
            ((2, 5, 1, 2), (2, 1, 2, 1), (2,), (2,)),
            ((1, 6, 2, 1), (1, 2, 1, 2), (3,), (4,)),
            ((0, 3, 1, 2), (3, 1, 2, 2), (1,), (1,)),
            ((2, 4, 1, 0), (2, 1, 0, 1), (2,), (1,)),
            ((1, 3, 2, 4, 1, 1), (2, 1, 2, 1, 1, 1), (1, 2, 1), (2, 1, 2)),
        ]:
            yield [rng.normal(size=x), rng.normal(size=w)], {"strides": strides, "dilation": dilation}


def joined(name, /, *operands, **params):
    """What a primitive gives; of several arrays all the elements in one."""
    out = bind(name, *operands, **params)
    if not isinstance(out.type, tuple):
        return out
    return mp.concat([mp.reshape(bind("item", out, index=n), (-1,)) for n in range(len(out.type))])


def several(found):
    """What a primitive gives, or its types, as a tuple."""
    return found if isinstance(found, tuple) else (found,)


def example(primitive, rng):
    inputs, params = primitive.example(rng)
    return [np.asarray(x) for x in inputs], params


def type_of(x):
    return ArrayType(x.shape, x.dtype)


def in_every_dtype(primitive, inputs, params):
    """The same inputs in every dtype that the primitive takes; positions, keys and conditions stay as they are."""
    places_only = primitive.name in ("iota", "random_bits")
    first_counts = primitive.name in ("take", "take_along_axis", "add_at", "add_along_axis")
    main = None if places_only else inputs[0 if first_counts else -1].dtype
    if main is None:
        yield inputs
        return
    for dtype in dtypes_by_short_name.values():
        types = [ArrayType(x.shape, dtype if x.dtype == main else x.dtype) for x in inputs]
        try:
            primitive.shape(*types, **params)
        except (DTypeError, ShapeError):
            continue
        yield [in_dtype(x, dtype) if x.dtype == main else x for x in inputs]


def in_dtype(x, dtype):
    return (
        np.where(np.abs(x) < 1, 1, x).astype(dtype)
        if kind_of(dtype) in "iu" and kind_of(x.dtype) == "f"
        else x.astype(dtype)
    )


# ── the record is complete ───────────────────────────────────────────────────────────────────────


@every_primitive
def test_a_primitive_declares_what_the_transforms_need(primitive):
    assert primitive.example is not None, "give it an example, for the law tests"
    inputs, params = example(primitive, np.random.default_rng(0))
    assert all(isinstance(t, ArrayType) for t in several(primitive.shape(*map(type_of, inputs), **params)))
    assert (primitive.access is None) == (primitive.name in on_the_host), (
        "say it in index notation, or list it as a host call"
    )
    assert primitive.notation or primitive.access


# ── law 1: the reference gives exactly the declared type ─────────────────────────────────────────


@every_primitive
def test_the_reference_gives_the_declared_type(primitive):
    tried = 0
    for inputs, params in cases(primitive):
        for given_ in in_every_dtype(primitive, inputs, params):
            try:
                declared = primitive.shape(*map(type_of, given_), **params)
            except ShapeError:
                continue
            found = several(primitive.reference(*given_, **params))
            assert tuple(type_of(np.asarray(x)) for x in found) == several(declared)
            tried += 1
    assert tried


def elementwise_primitives():
    for primitive in primitives:
        if primitive.name in on_the_host:
            continue
        inputs, params = example(primitive, np.random.default_rng(0))
        value = primitive.access(*map(type_of, inputs), **params).value
        if inputs and not params and isinstance(value, Call) and value.function == primitive.name:
            yield primitive


elementwise = list(elementwise_primitives())


@pytest.mark.parametrize("primitive", elementwise, ids=lambda p: p.name)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_elementwise_operations_broadcast(primitive, data):
    samples, _ = example(primitive, np.random.default_rng(0))
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=len(samples), min_side=0, max_dims=3)).input_shapes
    rng = np.random.default_rng(1)
    inputs = [rng.choice(x.ravel(), size=shape) for x, shape in zip(samples, shapes, strict=True)]
    inputs = data.draw(st.sampled_from(list(in_every_dtype(primitive, inputs, {}))))
    declared = primitive.shape(*map(type_of, inputs))
    computed = np.asarray(primitive.reference(*inputs))
    assert type_of(computed) == declared
    assert declared.shape == np.broadcast_shapes(*shapes)
    np.testing.assert_array_equal(by_index_notation(primitive, inputs, {}), computed)


# ── law 2: the gradient is that of the reference, to second order ────────────────────────────────


def differentiable_cases():
    for primitive in primitives:
        for number, (inputs, params) in enumerate(cases(primitive, seed=3)):
            floating = [n for n, x in enumerate(inputs) if x.dtype == np.float64]
            try:
                declared = primitive.shape(*map(type_of, inputs), **params)
            except ShapeError:
                continue
            if floating and all(kind_of(t.dtype) == "f" for t in several(declared)):
                yield pytest.param(primitive, inputs, params, floating, id=f"{primitive.name}-{number}")


def combined(primitive, inputs, params, floating, rng):
    """The primitive as a function of its floating inputs alone, to one number."""
    shape = joined(primitive.name, *map(Array, inputs), **params).shape
    weights = mp.asarray(np.asarray(rng.uniform(0.5, 1.5, size=shape)))

    def f(*xs):
        operands = [mp.asarray(x) for x in inputs]
        for n, x in zip(floating, xs, strict=True):
            operands[n] = x
        return mp.sum(joined(primitive.name, *operands, **params) * weights)

    return f


def along(f, inputs, directions, step):
    """The central difference of f in a direction."""
    high, low = (
        float(f(*[mp.asarray(np.asarray(x + s * d)) for x, d in zip(inputs, directions, strict=True)]))
        for s in (step, -step)
    )
    return (high - low) / (2 * step)


def dot(gradients, directions):
    return sum(float(np.sum(g.numpy() * d)) for g, d in zip(gradients, directions, strict=True))


@pytest.mark.parametrize(("primitive", "inputs", "params", "floating"), list(differentiable_cases()))
def test_the_gradient_is_the_derivative(primitive, inputs, params, floating):
    rng = np.random.default_rng(4)
    f = combined(primitive, inputs, params, floating, rng)
    argnums = list(range(len(floating)))
    xs = [inputs[n] for n in floating]
    direction, second = ([np.asarray(rng.uniform(-1, 1, size=x.shape)) for x in xs] for _ in range(2))
    found = mp.grad(f, argnums)(*xs)
    assert [g.type for g in found] == [type_of(x) for x in xs]
    if primitive.gradient is None:
        assert "derivative" in primitive.convention, "no rule and a floating result: say in `convention` that it is 0"
        assert all(not np.any(g.numpy()) for g in found)
        if primitive.name != "stop_gradient":  # which alone is 0 against the reference, on purpose
            assert along(f, xs, direction, 1e-6) == pytest.approx(0, abs=1e-8)
        return
    assert dot(found, direction) == pytest.approx(along(f, xs, direction, 1e-5), rel=1e-7, abs=1e-8)

    def slope(*ys):
        return sum(mp.sum(g * d) for g, d in zip(mp.grad(f, argnums)(*ys), direction, strict=True))

    curvature = mp.grad(slope, argnums)(*xs)
    assert dot(curvature, second) == pytest.approx(along(slope, xs, second, 1e-5), rel=1e-6, abs=1e-7)


def has_singular_derivative(primitive):
    """Whether a derivative is infinite or NaN at some finite numbers, 0, 1 and large ones among them."""
    points = [0, 0.5, 1, np.pi / 2, 2, 20, 100, 1000]
    for dtype in (np.float16, np.float32, np.float64):
        grid = np.asarray([*points, *(-p for p in points)], dtype)
        xs = [np.asarray(x, dtype) for x in np.meshgrid(*[grid] * len(example(primitive, np.random.default_rng(0))[0]))]
        gradients = mp.grad(lambda xs: mp.sum(bind(primitive.name, *xs)))(xs)
        if not all(mp.all(mp.isfinite(g)) for g in gradients):
            return True
    return False


@pytest.mark.parametrize(
    "primitive", [p for p in elementwise if p.gradient and p.name != "where"], ids=lambda p: p.name
)
def test_a_derivative_that_can_be_infinite_is_declared(primitive):
    assert primitive.singular == has_singular_derivative(primitive)


def test_only_elementwise_operations_are_singular():
    with_an_order = {registry["polygamma"]}  # elementwise, but for its parameter
    assert {p for p in registry.values() if p.singular} < {*elementwise, *with_an_order}


# ── law 3: index notation says what the reference does ───────────────────────────────────────────


def by_index_notation(primitive, inputs, params):
    """Compute a primitive from its index notation alone, in NumPy: one dimension of a grid per index."""
    access = primitive.access(*map(type_of, inputs), **params)
    shape = primitive.shape(*map(type_of, inputs), **params).shape
    extents = dict(zip(access.axes, shape, strict=True)) | reductions(access.value)
    grid = {}
    for place, (index, extent) in enumerate(extents.items()):
        grid[index] = np.arange(extent).reshape([-1 if n == place else 1 for n in range(len(extents))])
    value = Interpreter(inputs, grid).value(access.value)
    value = np.broadcast_to(value, [*shape, *[1] * (len(extents) - len(shape))])
    return value.reshape(shape)


def reductions(expression: Expression):
    """The indices that are reduced over, and how far each runs."""
    if isinstance(expression, Reduce):
        return {expression.index: expression.extent} | reductions(expression.body)
    if isinstance(expression, Running):
        return {}
    parts = {Read: "at", Call: "arguments"}.get(type(expression))
    inner = getattr(expression, parts) if parts else [expression.value] if isinstance(expression, Cast) else []
    return {k: v for part in inner for k, v in reductions(part).items()}


class Interpreter:
    """The value of an expression on the whole grid at once. `where` is lazy: a read that is not taken stays inside."""

    def __init__(self, operands, grid):
        self.operands = operands
        self.grid = grid

    def value(self, expression):  # noqa: PLR0911  (one for each kind of expression)
        match expression:
            case Index():
                return self.grid[expression]
            case Literal(number):
                return number
            case Cast(inner, dtype):
                return np.asarray(self.value(inner)).astype(dtype)
            case Read(operand, at):
                return self.read(self.operands[operand], [np.asarray(self.value(i)) for i in at])
            case Call(function, arguments):
                return self.call(function, [self.value(a) for a in arguments])
            case Reduce(combiner, index, extent, body):
                return self.reduce(combiner, index, extent, self.value(body))
            case Running(combiner, index, body, factor):
                return self.running(combiner, index, body, factor)

    def read(self, operand, at):
        if 0 in operand.shape:
            return np.zeros(np.broadcast_shapes(*[i.shape for i in at]), operand.dtype)
        return operand[tuple(np.clip(i, 0, n - 1) for i, n in zip(at, operand.shape, strict=True))]

    def call(self, function, arguments):
        if function == "philox":
            key, draw, block, word = arguments
            low, high = np.uint64(0xFFFFFFFF), np.uint64(32)
            block = block.astype(np.uint64)
            counter = (block & low, block >> high, draw & low, draw >> high)
            return np.choose(word, np.broadcast_arrays(*philox((key & low, key >> high), counter))).astype(np.uint32)
        first = 1 if function == "where" else 0  # a number takes the dtype of what stands beside it
        dtype = next((a.dtype for a in arguments[first:] if isinstance(a, np.ndarray | np.generic)), np.dtype(np.int64))
        return registry[function].reference(
            *[np.asarray(a, None if isinstance(a, np.ndarray | np.generic) else dtype) for a in arguments]
        )

    def running(self, combiner, index, body, factor):
        place = list(self.grid).index(index)
        shape = [axis.shape[n] for n, axis in enumerate(self.grid.values())]
        body, factor = (None if e is None else np.broadcast_to(self.value(e), shape) for e in (body, factor))
        if factor is None:
            function = {"sum": np.add, "prod": np.multiply, "max": np.maximum}[combiner]
            return function.accumulate(body, axis=place, dtype=body.dtype)
        out = np.moveaxis(body.copy(), place, 0)
        for n, times in enumerate(np.moveaxis(factor, place, 0)[1:]):
            out[n + 1] += times * out[n]
        return np.moveaxis(out, 0, place)

    def reduce(self, combiner, index, extent, body):
        place = list(self.grid).index(index)
        body = np.asarray(body)
        body = body.reshape([1] * (len(self.grid) - body.ndim) + list(body.shape))
        full = np.broadcast_to(body, [extent if n == place else length for n, length in enumerate(body.shape)])
        if combiner.startswith("arg"):
            return np.expand_dims(getattr(np, combiner)(full, axis=place), place)
        keeps = {"dtype": body.dtype} if combiner in ("sum", "prod") else {}
        return getattr(np, combiner)(full, axis=place, keepdims=True, **keeps)


@in_index_notation
def test_index_notation_says_what_the_reference_does(primitive):
    tried = 0
    for inputs, params in itertools.chain(cases(primitive), cases(primitive, seed=1)):
        try:
            primitive.shape(*map(type_of, inputs), **params)
        except ShapeError:
            continue
        expected = np.asarray(primitive.reference(*inputs, **params))
        found = by_index_notation(primitive, inputs, params)
        assert type_of(found) == type_of(expected)
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-14)
        tried += 1
    assert tried


def test_the_interpreter_can_fail():
    """A wrong expression does not pass: the law above has teeth."""
    x = np.arange(6.0).reshape(2, 3)
    i, j = Index("i"), Index("j")
    interpreter = Interpreter([x], {i: np.arange(2)[:, None], j: np.arange(3)[None]})
    np.testing.assert_array_equal(interpreter.value(Read(0, (i, j))), x)
    assert not np.array_equal(interpreter.value(Read(0, (Literal(0), j))), x)
    assert np.array_equal(interpreter.value(Reduce("max", j, 3, Read(0, (i, j)))), x.max(axis=1, keepdims=True))


@in_index_notation
def test_index_notation_can_be_printed(primitive):
    inputs, params = example(primitive, np.random.default_rng(0))
    text = str(primitive.access(*map(type_of, inputs), **params))
    assert text.startswith("out[")
    assert "Expression" not in text


@pytest.mark.parametrize(
    "name", ["add", "where", "less", "logical_and", "bitwise_left_shift", "matmul", "conv", "concat"]
)
def test_primitives_refuse_mixed_dtypes(name):
    primitive = registry[name]
    inputs, params = example(primitive, np.random.default_rng(0))
    types = list(map(type_of, inputs))
    other = np.dtype(np.float32) if types[-1].dtype != np.float32 else np.dtype(np.float64)
    with pytest.raises(DTypeError, match=name):
        primitive.shape(*types[:-1], ArrayType(types[-1].shape, other), **params)


def test_eager_results_are_arrays_of_the_declared_type():
    for primitive in primitives:
        inputs, params = example(primitive, np.random.default_rng(0))
        out = bind(primitive.name, *[Array(x) for x in inputs], **params)
        assert out.type == primitive.shape(*map(type_of, inputs), **params)
        assert not joined(primitive.name, *map(Array, inputs), **params).numpy().flags.writeable
