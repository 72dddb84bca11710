"""What a trace records, what it captures, and what it refuses."""

# Most cases are lambdas, some with odd names.
# ruff: noqa: PLC2401, PLW0108, RUF005

import sys
import threading
from dataclasses import dataclass

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.core.array import Array, Parameter, assign
from maplet.core.context import entered
from maplet.core.graph import in_order
from maplet.core.tree import Stateful, leaves, objects, replace, unchanged
from maplet.errors import GradientError, ShapeError, TraceError


def names(graph):
    return [node.primitive.name for node in in_order(graph.outputs)]


# ── inputs, captures and constants ───────────────────────────────────────────────────────────────


def test_an_array_from_outside_becomes_an_input():
    w = mp.asarray([1.0, 2.0])
    graph = mp.trace(lambda x: x * w + w, mp.zeros((2,)))
    assert len(graph.inputs) == 2
    assert len(graph.captured) == 1
    np.testing.assert_array_equal(mp.evaluate(graph, mp.asarray([3.0, 4.0])), [4.0, 10.0])


def test_small_lists_become_constants_and_large_ones_inputs():
    small = mp.trace(lambda x: x + [1.0, 2.0], mp.zeros((2,)))
    assert not small.captured
    assert "f32((1.0, 2.0))" in str(small)
    large = mp.trace(lambda x: x + np.zeros(17, np.float32), mp.zeros((17,)))
    assert len(large.captured) == 1


@pytest.mark.parametrize("shape", [(0, 3), (0,), (2, 0), (3, 0, 2)])
def test_an_empty_literal_keeps_its_shape(shape):
    graph = mp.trace(lambda x: mp.concat([x, np.zeros(shape, np.float32)]), mp.zeros((1, *shape[1:])))
    assert graph.outputs[0].type.shape == (1 + shape[0], *shape[1:])


def test_what_a_graph_captured_is_what_the_handle_held():
    w = mp.asarray([1.0])
    graph = mp.trace(lambda x: x * w, mp.zeros((1,)))
    w[0] = 5.0
    assert mp.evaluate(graph, mp.ones((1,))).tolist() == [1.0]


def test_inputs_are_named_after_the_arguments():
    graph = mp.trace(lambda net, θ: net["layers"][0] * net["b"] + θ, {"layers": [mp.ones(())], "b": mp.ones(())}, 1.0)
    assert str(graph).startswith("graph(net.layers.0: f32[], net.b: f32[], θ: f32[])")


def test_operations_without_arguments_are_recorded_too():
    assert "iota" in names(mp.trace(lambda x: x + mp.arange(20, dtype=mp.float32), mp.zeros((20,))))


# ── using a traced array as if it had a value ────────────────────────────────────────────────────


def test_a_bool_of_a_traced_array_teaches():
    def f(x):
        return x if x > 0 else -x

    with pytest.raises(TraceError, match=r"mp\.where") as caught:
        mp.trace(f, 1.0)
    assert f"test_core_trace.py:{f.__code__.co_firstlineno + 1}" in str(caught.value)
    assert float(mp.grad(f)(-2.0)) == -1.0  # eager grad has values


@pytest.mark.parametrize(
    "use",
    [
        bool,
        int,
        float,
        np.sin,
        np.asarray,
        lambda x: x.item(),
        lambda x: x.numpy(),
        lambda x: x.tolist(),
        lambda x: [0][x.astype(mp.int64)],
    ],
)
def test_an_argument_has_no_value_in_a_trace_without_values(use):
    with pytest.raises(TraceError):
        mp.trace(lambda x: (use(x), x)[1], 1.0)


@pytest.mark.parametrize("use", [np.sin, np.asarray, float, int, lambda x: x.numpy(), lambda x: x.tolist()])
def test_leaving_the_graph_in_silence_is_refused(use):
    with pytest.raises(TraceError):
        mp.grad(lambda x: use(x) * x)(1.0)


def test_item_reads_a_number_out_of_an_eager_gradient():
    seen = []
    assert float(mp.grad(lambda x: (seen.append((x * 2).item()), x * x)[1])(3.0)) == 6.0
    assert seen == [6.0]


def test_an_integer_counts_in_an_eager_gradient():
    assert float(mp.grad(lambda x, n: x ** int(n), 0)(2.0, mp.asarray(3))) == 12.0
    assert float(mp.grad(lambda x, n: [x, x * x][n], 0)(3.0, mp.asarray(1))) == 6.0


def test_a_boolean_index_needs_a_value():
    with pytest.raises(TraceError, match="depends on the data"):
        mp.trace(lambda x: x[x > 0], mp.ones((3,)))
    assert mp.grad(lambda x: mp.sum(x[x > 0] ** 2))(mp.asarray([1.0, -1.0])).tolist() == [2.0, 0.0]


@pytest.mark.parametrize("transform", [lambda f: mp.trace(f, 1.0), lambda f: mp.grad(f)(1.0)], ids=["trace", "grad"])
def test_a_traced_array_does_not_outlive_its_trace(transform):
    kept = []

    def f(x):
        kept.append(x * 2)
        return x * 3

    transform(f)
    line = f"test_core_trace.py:{f.__code__.co_firstlineno + 1}"
    uses = [
        lambda: kept[0] + 1,
        lambda: float(kept[0]),
        lambda: mp.grad(lambda x: x * kept[0])(1.0),
        lambda: np.asarray(kept[0]),
    ]
    for use in [*uses, kept[0].item, lambda: bool(kept[0])]:
        with pytest.raises(TraceError, match="after its trace has ended") as caught:
            use()
        assert line in str(caught.value)
        assert "return the array" in str(caught.value)


def test_an_error_of_shapes_names_the_line():
    def f(x):
        return x + mp.zeros((3,))

    for use in (lambda: f(mp.zeros((2,))), lambda: mp.trace(f, mp.zeros((2,)))):
        with pytest.raises(ShapeError, match=r"\(2,\) and \(3,\)") as caught:
            use()
        assert f"test_core_trace.py:{f.__code__.co_firstlineno + 1}" in str(caught.value)


def test_a_folder_beside_the_package_is_the_users():
    from maplet.core.context import package_folder

    assert package_folder.endswith(("/maplet/", "\\maplet\\"))


def test_an_error_in_a_layer_leaves_no_trace_of_it():
    class Layer(Stateful):
        def __init__(self, **children):
            for name, child in children.items():
                setattr(self, name, child)

        def __call__(self, x):
            with entered(self):
                return self.body(x)

    inner, other = Layer(), Layer()
    outer = Layer(first=inner, rest=[other])
    inner.body = mp.sin
    other.body = lambda x: x + mp.ones((7,))
    outer.body = lambda x: outer.rest[0](mp.cos(outer.first(x)))
    with pytest.raises(ShapeError, match=r"rest\.0"):
        mp.trace(outer, mp.ones((3,)))
    other.body = mp.tan
    for net in (outer, lambda x: outer(outer(x))):
        graph = mp.trace(net, mp.ones((3,)))
        layers = {node.primitive.name: graph.origins[node].layer for node in in_order(graph.outputs)}
        assert layers == {"input": "", "sin": "first", "cos": "", "tan": "rest.0"}


# ── threads and depth ────────────────────────────────────────────────────────────────────────────


def test_threads_do_not_disturb_each_other():
    start, problems = threading.Barrier(4), []

    def work(n):
        try:
            start.wait()
            for _ in range(20):
                x = float(n + 1)
                assert float(mp.grad(lambda x: mp.sin(x) * x)(x)) == pytest.approx(np.cos(x) * x + np.sin(x), rel=1e-6)
                assert names(mp.trace(lambda x: x * x, x)) == ["input", "multiply"]
        except Exception as error:  # noqa: BLE001  (shown by the main thread)
            problems.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


def test_an_array_that_another_thread_traces_is_refused():
    handed, problems = [], []
    ready, done = threading.Event(), threading.Event()

    def work():
        ready.wait()
        try:
            mp.trace(lambda x: x + handed[0], 1.0)
        except TraceError as error:
            problems.append(str(error))
        done.set()

    thread = threading.Thread(target=work)
    thread.start()

    def f(x):
        handed.append(x)
        ready.set()
        done.wait()
        return x

    mp.trace(f, 1.0)
    thread.join()
    assert "another thread" in problems[0]


def test_deep_programs_do_not_meet_the_recursion_limit():
    depth = 2 * sys.getrecursionlimit()

    def f(x):
        for _ in range(depth):
            x = x + 1.0
        return x

    graph = mp.trace(f, 0.0)
    mp.check(graph)
    assert mp.parse(str(graph)) == graph
    assert float(mp.evaluate(graph, 1.0)) == depth + 1
    assert float(mp.grad(f)(0.0)) == 1.0


@dataclass
class Point:
    x: Array
    label: str = "p"


point_uses = {
    "grad": lambda p: mp.grad(lambda p: mp.sum(p.x))(p),
    "a returned value": lambda p: mp.vmap(lambda x: Point(x))(p.x),
    "aux": lambda p: mp.value_and_grad(lambda x: (mp.sum(x), Point(x)), has_aux=True)(p.x),
    "in a dict": lambda p: mp.trace(lambda d: d["p"].x, {"p": p}),
    "scan": lambda p: mp.scan(lambda c, _: (c, None), p, length=2),
    "cond": lambda p: mp.cond(True, lambda p: p.x, lambda p: p.x, p),
}


@pytest.mark.parametrize("use", point_uses.values(), ids=point_uses.keys())
def test_a_dataclass_that_holds_arrays_is_no_tree_and_says_so(use):
    with pytest.raises(TraceError, match=r"Point is a dataclass that holds arrays \(x\)(?s:.*)NamedTuple") as caught:
        use(Point(mp.ones((3,))))
    assert "test_core_trace.py:" in caught.value.where


def test_dataclasses_without_arrays_are_static_and_modules_are_trees():
    assert replace([Point(3.0)], unchanged)[0].x == 3.0
    assert leaves({"settings": Point(3.0), "a": mp.ones(())}).keys() == {"a"}
    assert leaves(Point) == {}  # the class itself is static

    class Net(nn.Module):
        def __init__(self):
            self.weight = Parameter([1.0])

    assert list(leaves(dataclass(Net)())) == ["weight"]


def test_what_holds_no_number_says_what_would():
    with pytest.raises(GradientError, match=r"NamedTuple or nn\.Module"):
        mp.grad(lambda p: p.x)(Point(3.0))


def test_wide_trees_are_walked_once():
    tree = {"all": [mp.asarray(float(n)) for n in range(10_000)]}
    assert len(leaves(tree)) == 10_000
    assert leaves(replace(tree, unchanged)).keys() == leaves(tree).keys()


# ── trees ────────────────────────────────────────────────────────────────────────────────────────


class Box(Stateful):
    def __init__(self, **content):
        for name, value in content.items():
            setattr(self, name, value)


def test_a_tree_walk_meets_each_leaf_once_and_survives_circles():
    shared = Parameter([1.0])
    outer = Box(a=shared, inner=Box(b=shared, c=Parameter([2.0])))
    outer.inner.parent = outer
    assert list(leaves(outer)) == ["a", "inner.c"]
    assert list(objects(outer)) == ["", "inner"]
    twin = replace(outer, unchanged)
    assert twin is not outer
    assert twin.inner.parent is twin
    assert twin.a is twin.inner.b


def nested(depth):
    tree = mp.asarray(1.0)
    for _ in range(depth):
        tree = [tree]
    return tree


@pytest.mark.parametrize(
    "visit", [leaves, objects, lambda tree: replace(tree, unchanged), lambda tree: mp.trace(len, tree)]
)
def test_a_tree_without_end_is_refused(visit):
    circle = {"a": []}
    circle["a"].append(circle)
    for tree in (circle, nested(3000)):
        with pytest.raises(TraceError, match="nested too deeply, or holds itself"):
            visit(tree)
    visit(nested(100))


def test_no_leaf_is_lost_where_two_have_one_name():
    with pytest.raises(TraceError, match="name '1'"):
        leaves({1: mp.ones(()), "1": mp.zeros(())})


def test_a_layer_stands_where_it_stands_first_in_its_parent():
    child = Box(a=Parameter([1.0]))
    assert Box(x=1, inner=child).name_of(child) == "inner"
    assert Box(inner=[0, {"b": child}], other=[1, child]).name_of(child) == "other.1"
    assert Box(inner=[0, {"b": child}]).name_of(child) == "inner.1.b"
    assert Box(inner=Box(deep=child)).name_of(child) == "inner.deep"
    assert Box(a=1).name_of(child) == "Box"


def test_what_is_no_function_is_not_traced():
    with pytest.raises(TraceError, match="given int"):
        mp.trace(3, 1.0)


def test_a_named_tuple_stays_one():
    from typing import NamedTuple

    class Pair(NamedTuple):
        first: object
        second: object

    value, gradient = mp.value_and_grad(lambda p: p.first * p.second)(Pair(2.0, 3.0))
    assert float(value) == 6.0
    assert isinstance(gradient, Pair)
    assert [float(g) for g in gradient] == [3.0, 2.0]


# ── handles ──────────────────────────────────────────────────────────────────────────────────────


def test_a_handle_bound_to_a_captured_array_reads_as_that_array():
    target, other = mp.asarray([1.0]), mp.asarray([7.0])

    def f(x):
        assign(target, other)
        return mp.sum(x * target)

    assert mp.grad(f)(mp.ones((1,))).tolist() == [7.0]
    assert target.tolist() == [7.0]


def test_a_parameter_may_be_made_of_a_traced_array():
    def f(x):
        box = Box(w=Parameter(x * 2))
        return mp.sum(box.w * box.w)

    assert mp.grad(f)(mp.asarray([1.0, 2.0])).tolist() == [8.0, 16.0]


same_value = {
    "asarray": mp.asarray,
    "+x": lambda a: +a,
    "astype": lambda a: a.astype(a.dtype),
    "reshape": lambda a: a.reshape(a.shape),
    "broadcast_to": lambda a: mp.broadcast_to(a, a.shape),
    "permute_dims": lambda a: mp.permute_dims(a, (0,)),
    "pad": lambda a: mp.pad(a, 0),
    "concat": lambda a: mp.concat([a]),
    "clip": mp.clip,
    "[...]": lambda a: a[...],
    "[:]": lambda a: a[:],
    "Array": Array,
    "empty assignment": lambda a: _assigned_nothing(a),
    "evaluate": lambda a: mp.evaluate(mp.trace(lambda x: x, a), a),
    "checkpoint": lambda a: mp.checkpoint(lambda x: x)(a),
}


def _assigned_nothing(a):
    a[0:0] = 1.0
    return mp.asarray(a)


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("made", same_value.values(), ids=same_value.keys())
def test_no_operation_returns_the_handle_that_it_was_given(made, traced):
    def f(a):
        b = made(a)
        b[0] = 9.0
        return mp.sum(a * mp.asarray([1.0, 10.0])) + 0 * mp.sum(b)

    a = mp.asarray([1.0, 2.0])
    if traced:
        assert mp.grad(f)(a).tolist() == [1.0, 10.0]
    assert float(f(a)) == 21.0


def test_a_read_only_view_of_changing_memory_is_copied():
    memory = np.zeros(3, np.float32)
    view = memory[:]
    view.flags.writeable = False
    a = mp.asarray(view)
    memory[0] = 1
    assert a.tolist() == [0, 0, 0]


def test_gradient_errors_say_where():
    with pytest.raises(GradientError, match="holds nothing"):
        mp.grad(lambda x: x)(3)
