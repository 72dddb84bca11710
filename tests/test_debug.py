"""Finding where NaN and infinities begin, and the errors that Python's control flow raises on traced arrays."""

# A case is one line of a table, and most are lambdas.
# ruff: noqa: E501, PLW0108

import threading

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.core import python_flow
from maplet.core.array import Array
from maplet.core.context import Origin, thread, within
from maplet.core.graph import as_made
from maplet.core.primitive import registry
from maplet.core.trace import bind
from maplet.core.types import ArrayType
from maplet.errors import NonFiniteError, TraceError
from maplet.transforms.debug import is_elementwise, only_moves
from test_ops_laws import joined

primitives = [p for p in registry.values() if p.example is not None]


def example(primitive):
    inputs, params = primitive.example(np.random.default_rng(0))
    return [Array(np.asarray(x)) for x in inputs], params


def access_of(primitive, arrays, params):
    return primitive.access(*[x.type for x in arrays], **params) if primitive.access is not None else None


def kind(primitive):
    """What the finder takes an operation for."""
    access = access_of(primitive, *example(primitive))
    if access is None:
        return "other"
    return "moves" if only_moves(access.value) else "elementwise" if is_elementwise(access) else "other"


def each(chosen):
    return pytest.mark.parametrize("primitive", chosen, ids=lambda p: p.name)


def accused(f, *args, infinities=True):
    with pytest.raises(NonFiniteError) as caught, mp.debug(infinities=infinities):
        f(*args)
    assert thread.watch is None
    return str(caught.value)


# ── laws over the registry ───────────────────────────────────────────────────────────────────────


@each(primitives)
def test_what_is_finite_is_not_accused_and_stays_the_same(primitive):
    arrays, params = example(primitive)

    def run():
        found = [joined(primitive.name, *arrays, **params)]
        floating = [n for n, x in enumerate(arrays) if x.dtype.kind == "f"]
        if primitive.gradient is not None and floating and found[0].dtype.kind == "f":
            f = lambda *xs: mp.sum(joined(primitive.name, *xs, **params))
            found += mp.grad(f, floating)(*arrays)
        return found

    with mp.debug():
        watched = run()
    for seen, unseen in zip(watched, run(), strict=True):
        np.testing.assert_array_equal(seen, unseen, strict=True)


hostile = [0.0, -0.0, 1.0, -1.0, 1e-30, 3e38, -3e38, np.inf, -np.inf, np.nan]


functions = [p for p in primitives if kind(p) == "elementwise" and all(x.dtype.kind == "f" for x in example(p)[0])]
movements = [p for p in primitives if kind(p) == "moves" and any(x.dtype.kind == "f" for x in example(p)[0])]


@each(functions)
def test_an_element_is_accused_exactly_where_it_begins(primitive):
    arrays, params = example(primitive)
    for x in hostile:
        for y in hostile if len(arrays) == 2 else [None]:
            given = [np.asarray(v, np.float32) for v in (x, y) if v is not None]
            with np.errstate(all="ignore"):
                out = np.asarray(primitive.reference(*given, **params))
            begins = (np.isnan(out) and not any(map(np.isnan, given))) or (
                np.isinf(out) and all(map(np.isfinite, given))
            )
            if out.dtype.kind == "f" and begins:
                assert f"pass: {primitive.name} made" in accused(
                    lambda g=given: bind(primitive.name, *map(Array, g), **params)
                )
            else:
                with mp.debug():
                    bind(primitive.name, *map(Array, given), **params)


@each(movements)
def test_what_only_moves_is_never_accused(primitive):
    arrays, params = example(primitive)
    for bad in (np.inf, np.nan):
        spoilt = [Array(np.where(np.arange(x.size).reshape(x.shape) % 2, x.numpy(), bad)) if x.dtype.kind == "f" else x
                  for x in arrays]  # fmt: skip
        with mp.debug():
            bind(primitive.name, *spoilt, **params)


def test_the_laws_above_speak_of_something():
    assert len(functions) > 30
    assert {"where", "permute_dims", "concat", "pad", "take"} <= {p.name for p in movements}
    assert {"matmul", "sum"} <= {p.name for p in primitives if kind(p) == "other"}


# ── who is accused, and in which words ───────────────────────────────────────────────────────────


def tensor(*numbers):
    return mp.asarray(list(numbers))


@mp.custom_gradient
def with_bad_pullback(x):
    return 2 * x, lambda g: g * mp.log(0 * x)


def root_used_twice(x):
    root = mp.sqrt(x)
    return mp.sum(mp.where(x > 0, root, 0.0)) + mp.sum(mp.where(x > 1, root, 0.0))


cases = {
    "log 0": (lambda: mp.log(tensor(1.0, 0.0)), ["forward pass: log made −infinity at [1]", "log(0.0) = -inf", "mp.maximum(x, 1e-12)"]),
    "log −1": (lambda: mp.log(tensor(-1.0)), ["log made NaN at [0]", "negative number has no logarithm"]),
    "sqrt −1": (lambda: mp.sqrt(-1.0), ["sqrt made NaN: f32[]", "no real √"]),
    "1/0": (lambda: tensor(1.0, 2.0) / mp.asarray([[1.0], [0.0]]), ["divide made infinity at [1, 0]", "divide(1.0, 0.0)", "division by 0", "1 more"]),
    "0/0": (lambda: tensor(0.0) / tensor(0.0), ["0/0", "mp.where(y == 0"]),
    "exp": (lambda: mp.exp(tensor(100.0)), ["exp(100.0) = inf", "mp.softmax"]),
    "∞ − ∞": (lambda: mp.subtract(mp.inf, mp.inf), ["subtract made NaN", "∞ − ∞"]),
    "0·∞": (lambda: mp.multiply(0.0, mp.inf), ["multiply made NaN", "0·∞"]),
    "large": (lambda: tensor(3e38) * 10, ["multiply made infinity", "beyond the range of their dtype"]),
    "power": (lambda: mp.pow(tensor(0.0), -1.0), ["0 to a negative power"]),
    "cast": (lambda: mp.astype(tensor(1e30), mp.float16), ["astype made infinity", "range of the new dtype"]),
    "matmul": (lambda: mp.full((2, 3), 1e38) @ mp.full((3, 2), 1e38), ["matmul made infinity at [0, 0]", "input 0: f32[2,3], from 1e+38 to 1e+38", "3 more"]),
    "sum": (lambda: mp.sum(tensor(mp.inf, -mp.inf, 2.0)), ["sum made NaN: f32[]", "f32[3], from 2.0 to 2.0, 2 infinite", "∞ − ∞"]),
    "√′(0)": (lambda: mp.grad(lambda x: mp.sum(mp.sqrt(x)))(tensor(4.0, 0.0)), ["backward pass: divide made infinity at [1]", "pullback of sqrt · test_debug.py:", "derivative of √x at 0"]),
    "√ in where": (lambda: mp.grad(root_used_twice)(tensor(4.0, 0.0)), ["backward pass: divide made NaN at [1]", "pullback of sqrt", "the other branch"]),
    "√′(0) forward": (lambda: mp.jvp(mp.sqrt, (0.0,), (1.0,)), ["forward-mode derivative: divide made infinity", "at:  tangent of sqrt · test_debug.py:", "derivative of √x at 0"]),
    "√′(0) forward in a loop": (lambda: mp.jvp(lambda x: mp.scan(lambda c, _: (mp.sqrt(c), None), x, length=2)[0], (0.0,), (1.0,)), ["forward-mode", "tangent of sqrt"]),
    "0·√′(0) forward": (lambda: mp.jvp(lambda x: mp.sqrt(mp.where(x > 0, x, 0.0)), (0.0,), (1.0,)), ["divide made NaN", "the tangent that comes in is 0"]),
    "backward over forward": (lambda: mp.grad(lambda x: mp.jvp(mp.sqrt, (x,), (1.0,))[1])(1e-30), ["backward pass", "pullback of sqrt · test_debug.py:", "derivative of √x at 0"]),
    "forward over backward": (lambda: mp.jvp(mp.grad(mp.sqrt), (1e-30,), (1.0,)), ["forward-mode", "tangent of divide of pullback of sqrt · test_debug.py:"]),
    "its own pullback": (lambda: mp.grad(with_bad_pullback)(1.0), ["backward pass: log made −infinity", "pullback of with_bad_pullback · test_debug.py:", "mp.maximum(x, 1e-12)"]),
    "its own pullback, forward": (lambda: mp.jvp(with_bad_pullback, (1.0,), (1.0,)), ["forward-mode", "tangent of with_bad_pullback · test_debug.py:"]),
    "forward pass of forward mode": (lambda: mp.jvp(mp.log, (0.0,), (1.0,)), ["forward pass: log made −infinity", "at:  test_debug.py:"]),
    "second derivative": (lambda: mp.grad(mp.grad(lambda x: mp.pow(x, 1.5)))(0.0), ["backward pass: pullback of power made infinity", "pullback of power of pullback of power"]),
    "√ that counts in where": (lambda: mp.grad(lambda x: mp.where(x >= 0, mp.sqrt(x), 0.0))(0.0), ["backward pass: pullback of sqrt made infinity"]),
}  # fmt: skip


def test_what_the_gradient_takes_out_again_is_not_accused():
    with mp.debug():
        gradient = mp.grad(lambda x: mp.sum(mp.where(x > 0, mp.sqrt(x), 0.0)))(tensor(4.0, 0.0))
    assert gradient.tolist() == [0.25, 0.0]


@pytest.mark.parametrize("case", cases.values(), ids=cases.keys())
def test_the_error_names_the_operation_the_numbers_and_the_remedy(case):
    run, words = case
    text = accused(run)
    assert "test_debug.py:" in text
    for word in words:
        assert word in text, text
    run()  # without the context nobody complains


def test_an_attention_mask_is_legal():
    def attend(scores):
        masked = mp.where(mp.asarray([[True, False], [True, True]]), scores, float("-inf"))
        return mp.sum(mp.softmax(masked + mp.asarray([[0.0, 0.0], [0.0, -np.inf]]), axis=-1) ** 2)

    with mp.debug():
        assert np.isfinite(mp.grad(attend)(mp.ones((2, 2))).numpy()).all()


def test_nan_among_the_data_is_not_accused_but_a_new_one_beside_it_is():
    data = tensor(np.nan, 1.0, np.inf)
    with mp.debug():
        assert np.isnan((data * 2 + 1).numpy()[0])
        mp.sum(data)
    assert "[1] of its result" in accused(lambda: mp.log(data - 1))


def test_infinities_may_be_left_out():
    with mp.debug(infinities=False):
        mp.log(tensor(0.0))
    assert "made NaN" in accused(lambda: mp.log(tensor(0.0)) * 0.0, infinities=False)


class Bad(nn.Module):
    def __init__(self):
        self.inner = nn.Sequential(nn.Linear(3, 3), nn.ReLU())

    def forward(self, x):
        return mp.log(self.inner(x) * 0.0)


@pytest.mark.parametrize(
    "run", [lambda net, x: net(x), lambda net, x: mp.grad(lambda n: mp.sum(n(x)))(net),
            lambda net, x: mp.evaluate(mp.trace(net, x), x)],
    ids=["eager", "grad", "evaluate"],
)  # fmt: skip
def test_the_layer_and_the_line_are_named(run):
    text = accused(run, nn.Sequential(nn.Linear(2, 3), Bad()), mp.ones((4, 2)))
    assert f"layers.1 · test_debug.py:{Bad.forward.__code__.co_firstlineno + 1}" in text
    assert "forward pass: log made −infinity at [0, 0]" in text


def test_the_backward_pass_names_the_layer_too():
    class Root(nn.Module):
        def forward(self, x):
            return mp.sqrt(mp.relu(x))

    text = accused(mp.grad(lambda x: mp.sum(nn.Sequential(nn.ReLU(), Root())(x))), tensor(-1.0, 1.0))
    assert "pullback of sqrt · layers.1 · test_debug.py:" in text


def test_the_first_one_is_found():
    def f(x):
        a = mp.log(x)
        b = mp.sqrt(x - 1)
        return b * mp.exp(a)

    assert "log made" in accused(f, 0.0)
    assert "log made" in accused(mp.grad(f), 0.0)
    graph = mp.trace(f, 0.0)
    assert [node.primitive.name for node in as_made(graph)].index("log") > 0
    assert "log made" in accused(mp.evaluate, graph, 0.0)


@pytest.mark.parametrize(
    "f", [
        lambda x: mp.checkpoint(mp.log)(x),
        lambda x: mp.checkpoint(lambda x: mp.checkpoint(mp.log)(x * 1.0))(x),
        lambda x: mp.scan(lambda c, _: (mp.log(c), None), x, length=2)[0],
        lambda x: mp.cond(True, mp.log, mp.exp, x),
        lambda x: mp.while_loop(lambda x: x < 1, mp.log, x),
    ], ids=["checkpoint", "nested", "scan", "cond", "while"],
)  # fmt: skip
def test_nested_graphs_are_looked_into(f):
    text = accused(f, 0.0)
    assert "log made −infinity" in text
    assert "test_debug.py:" in text


def test_what_a_nested_graph_hands_out_is_not_its_fault():
    with mp.debug():
        assert mp.checkpoint(lambda x: mp.where(x > 0, x, -mp.inf))(tensor(-1.0)).item() == -np.inf


@pytest.mark.parametrize(
    "loop",
    [
        lambda: mp.scan(lambda x, _: (mp.log(x), None), tensor(3.0, 5.0), length=5),
        lambda: mp.while_loop(lambda x: x[1] > -9, mp.log, tensor(3.0, 5.0)),
    ],
    ids=["scan", "while"],
)
def test_a_loop_says_in_which_step_it_was(loop):
    with pytest.raises(NonFiniteError) as caught, mp.debug():
        loop()  # ln 3 = 1.1, ln 1.1 = 0.094, ln 0.094 = −2.4, and that has no logarithm
    assert "made NaN at [0]" in str(caught.value)
    assert "in step 3 of" in str(caught.value)


def test_contexts_nest_and_end():
    with mp.debug(infinities=False):
        with mp.debug(), pytest.raises(NonFiniteError):
            mp.log(tensor(0.0))
        mp.log(tensor(0.0))  # the outer one holds again
        with pytest.raises(NonFiniteError):
            mp.log(tensor(-1.0))
    mp.log(tensor(-1.0))


def test_other_threads_are_not_watched():
    found = []
    with mp.debug():
        other = threading.Thread(target=lambda: found.append(mp.log(tensor(0.0)).item()))
        other.start()
        other.join()
    assert found == [-np.inf]


def test_fit_that_goes_astray_is_caught_where_it_begins():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 3)).astype(np.float32)
    y = np.sum(x, axis=1, keepdims=True)

    class Roots(nn.Module):
        def __init__(self):
            self.first = nn.Linear(3, 8)
            self.last = nn.Linear(8, 1)

        def forward(self, x):
            return self.last(mp.sqrt(self.first(x)))

    settings = {"epochs": 1, "seed": 0, "progress": False}
    text = accused(lambda: mp.fit(Roots(), (x, y), loss="mse", optimizer=optim.SGD(0.1), **settings))
    assert "forward pass: sqrt made NaN" in text
    with mp.debug():
        mp.fit(nn.Linear(3, 1), (x, y), loss="mse", optimizer=optim.SGD(0.1), **settings)


def test_an_origin_says_which_pullback():
    origin = Origin("net.py", 12, ("hidden",))
    assert str(origin) == "hidden · net.py:12"
    assert str(origin.pulled_back("sqrt")) == "pullback of sqrt · hidden · net.py:12"
    assert str(origin.pulled_back("sqrt").pulled_back("divide")).startswith("pullback of divide of pullback of sqrt ·")
    assert str(origin.pushed_forward("sqrt")) == "tangent of sqrt · hidden · net.py:12"
    assert [o.order for o in (origin, origin.pushed_forward("sqrt"), origin.pulled_back("sqrt"))] == [0, 0, 1]
    assert origin.pulled_back("sqrt").pushed_forward("divide").pulled_back("multiply").order == 2


def test_the_line_of_a_pullback_is_that_of_its_author():
    line = with_bad_pullback.__wrapped__.__code__.co_firstlineno + 2
    for derivative in (lambda: mp.grad(with_bad_pullback)(1.0), lambda: mp.jvp(with_bad_pullback, (1.0,), (1.0,))):
        assert f"with_bad_pullback · test_debug.py:{line}\n" in accused(derivative)


def test_an_error_says_in_which_part_of_a_computation_it_was():
    error = NonFiniteError("log made NaN", where="net.py:3")
    within(error, "step 2 of 3 of a scan")
    within(error, "step 4 of a while_loop")
    assert "at:  net.py:3, in step 2 of 3 of a scan, in step 4 of a while_loop" in str(error)
    nowhere = NonFiniteError("log made NaN")
    within(nowhere, "step 2 of 3 of a scan")
    assert nowhere.where == "in step 2 of 3 of a scan"


def test_the_kind_of_an_operation_is_read_off_its_index_notation():
    def of(name, *shapes, **params):
        return registry[name].access(*[ArrayType(shape, np.dtype("float32")) for shape in shapes], **params)

    assert is_elementwise(of("add", (2, 3), (3,)))
    assert not only_moves(of("add", (2, 3), (3,)).value)
    assert not is_elementwise(of("permute_dims", (2, 2), axes=(1, 0)))
    assert only_moves(of("permute_dims", (2, 2), axes=(1, 0)).value)
    assert not is_elementwise(of("matmul", (2, 3), (3, 2)))


# ── Python's own control flow ────────────────────────────────────────────────────────────────────


def branch(x):
    if x.sum() > 0:
        return x
    return -x


def inline(x):
    return x if x > 0 else -x


def through(f, x):
    return f(x)


def in_lambda(x):
    return mp.sum(through(lambda t: t if t > 0 and t < 9 else -t, x), axis=())


def in_call(x):
    return mp.where(True, mp.sin(x) if 0 < x < 1 else -x, 0.0)


def in_the_middle(x):
    return x + through(
        lambda t: t if t > 0
        else -t, x)  # fmt: skip


def negated(x):
    if not x > 0:
        return x
    return -x


def chained(x):
    return 0 < x < 1


def window(x):
    i = mp.astype(x, mp.int64)
    return mp.ones((9,))[i:i+3]  # fmt: skip


def window_of_columns(x):
    i = mp.astype(x, mp.int64)
    return mp.sum(mp.ones((2, 9))[:, i : 2 + i] * mp.arange(2))


def loop(err, tol=0.1):
    while err > tol:
        err = err / 2
    return err


def counted(x):
    n = mp.astype(x, mp.int64)
    for i in range(2, n):
        x = x + i
    return x


def cast(x):
    return sum(x for _ in range(int(mp.astype(x, mp.int64))))


def listed(x):
    return [x, -x][mp.astype(x, mp.int64)]


def shaped(x):
    return mp.zeros((mp.astype(x, mp.int64),))


def greatest(x):
    return max(x, 0)


def both(x):
    return x > 0 and x < 1


def asserted(x):
    assert x > 0
    return x


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (branch, ["mp.where(x.sum() > 0, f(x), g(x))", "mp.cond(x.sum() > 0, f, g, x)"]),
        (
            inline,
            ["wrong:  x if x > 0 else -x\n", "mp.where(x > 0, x, -x)", "mp.cond(x > 0, lambda x: x, lambda x: -x, x)"],
        ),
        (in_lambda, ["wrong:  t if t > 0 and t < 9 else -t\n", "mp.where((t > 0) & (t < 9), t, -t)\n"]),
        (in_call, ["wrong:  mp.sin(x) if 0 < x < 1 else -x\n", "mp.where((0 < x) & (x < 1), mp.sin(x), -x)\n"]),
        (in_the_middle, ["mp.where(condition, a, b) instead of `a if condition else b`"]),
        (negated, ["wrong:  y = f(x) if not x > 0 else g(x)", "right:  y = mp.where(~(x > 0), f(x), g(x))"]),
        (chained, ["(0 < x) & (x < 1) instead of 0 < x < 1"]),
        (window, ["mp.take(mp.ones((9,)), i + mp.arange(3)), or mp.ones((9,))[i + mp.arange(3)]"]),
        (window_of_columns, ["mp.take(mp.ones((2, 9)), i + mp.arange(2), axis=1)"]),
        (loop, ["mp.while_loop(lambda err: err > tol, lambda err: step(err), err)"]),
        (counted, ["mp.fori_loop(2, n, lambda i, x: step(i, x), x)"]),
        (cast, ["mp.fori_loop"]),
        (listed, ["mp.take", "mp.switch"]),
        (shaped, ["x.shape[0]"]),
        (greatest, ["mp.maximum(x, y)"]),
        (both, ["(x > 0) & (x < 1)"]),
        (asserted, ["mp.expect"]),
    ],
    ids=lambda case: getattr(case, "__name__", ""),
)
def test_python_control_flow_on_a_traced_array_teaches(f, words):
    with pytest.raises(TraceError) as caught:
        mp.trace(f, 1.0)
    for word in words:
        assert word in str(caught.value), str(caught.value)
    first = f.__code__.co_firstlineno
    assert any(f"test_debug.py:{n}" in caught.value.where for n in range(first, first + 4))


def test_the_right_side_of_the_advice_runs():
    f, g = mp.sin, mp.cos
    assert mp.trace(lambda x: mp.where(x > 0, f(x), g(x)), 1.0)
    assert mp.trace(lambda x: mp.cond(x > 0, f, g, x), 1.0)
    assert mp.trace(lambda err: mp.while_loop(lambda err: err > 0.1, lambda err: err / 2, err), 1.0)
    assert mp.trace(lambda n, x: mp.fori_loop(2, n, lambda i, x: x + i, x), mp.asarray(4), 1.0)
    assert mp.trace(lambda i, x: mp.take(mp.stack([x, -x]), i, axis=0), mp.asarray(1), 1.0)
    assert mp.trace(lambda i, x: mp.switch(i, [f, g], x), mp.asarray(1), 1.0)
    assert mp.trace(lambda x: mp.cond((x > 0) & (x < 1), lambda x: mp.sin(x), lambda x: -x, x), 1.0)
    x, i = mp.arange(9), mp.asarray(2)
    for window in (lambda i: mp.take(x, i + mp.arange(3)), lambda i: x[i + mp.arange(3)]):
        assert mp.evaluate(mp.trace(window, i), i).tolist() == [2, 3, 4]
    n = mp.arange(9)
    assert mp.evaluate(mp.trace(lambda i: mp.sum(mp.where(n < i, x, 0)), i), i).item() == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("y = f(lambda t: t if t > 0 else -t, x)", "mp.where(t > 0, t, -t)"),
        ("elif x > 0: return 1", "mp.cond(x > 0, f, g, x)"),
        ("while not done(mp.sum(err)):", "mp.while_loop(lambda err: ~done(mp.sum(err)), lambda err: step(err), err)"),
        ("y = f(lambda t: t if t > 0 else", "instead of `a if condition else b`"),
        ("x if x > 0 else -x)", "instead of `a if condition else b`"),
        ("", "instead of `a if condition else b`"),
    ],
)
def test_the_advice_on_a_condition_reads_the_line_as_python_does(line, words, monkeypatch):
    monkeypatch.setattr(python_flow, "source_line", lambda: line)
    assert words in python_flow.advice_on_bool()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("return x[i:i + 3]", "right:  mp.take(x, i + mp.arange(3)), or x[i + mp.arange(3)]"),
        ("y = x[0, 2:4, k:k + n] * mp.arange(3)", "right:  mp.take(x, k + mp.arange(n), axis=2)"),
        ("y = x[:i]", "right:  mp.where(n < i, x, 0.0)"),
        ("y = x[i:j]", "right:  mp.where((n >= i) & (n < j), x, 0.0)"),
        ("y = x[i:]", "right:  mp.take(x, i + mp.arange(length))"),
        ("x[i:i + 2] = y", "right:  x[i + mp.arange(2)] = v"),
        ("cache.keys[:, t:t + 1] = key", "right:  cache.keys[:, t + mp.arange(1)] = v"),
        ("x[:i] = y", "right:  mp.where(n < i, v, x)"),
        ("for k in range(n):", "mp.fori_loop(0, n, lambda k, x: step(k, x), x)"),
        ("y = [f(k) for k in range(2, n)]", "mp.fori_loop(2, n, lambda k, x: step(k, x), x)"),
        ("y = rows[i]", "mp.take(mp.stack(rows), i, axis=0)"),
        ("y = x[i:i +", "x.shape[0]"),
    ],
)
def test_the_advice_on_an_index_reads_the_line_as_python_does(line, words, monkeypatch):
    monkeypatch.setattr(python_flow, "source_line", lambda: line)
    assert words in python_flow.advice_on_index()


def test_without_the_source_the_advice_is_general():
    scope = {}
    exec(compile("def f(x):\n    return 1 if x else 2", "<nowhere>", "exec"), scope)
    with pytest.raises(TraceError, match=r"mp\.where\(condition, a, b\).*mp\.cond.*mp\.while_loop"):
        mp.trace(scope["f"], 1.0)


def test_rows_may_be_gone_through_in_a_trace():
    assert mp.trace(lambda x: sum(row for row in x), mp.ones((100, 2))).outputs
    with pytest.raises(TypeError, match="without axes"):
        mp.trace(lambda n: [2 * row for row in n], 1.0)


def test_where_it_was_used_and_where_it_was_made():
    def f(x):
        y = x * 2
        return 1.0 if y else 2.0

    first = f.__code__.co_firstlineno
    with pytest.raises(TraceError) as caught:
        mp.trace(f, 1.0)
    assert caught.value.where == f"test_debug.py:{first + 2}; the array was made at test_debug.py:{first + 1}"
