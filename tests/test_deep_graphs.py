"""Large programs: chains of thousands of operations overrun no stack, and are explained folded within seconds."""

from time import process_time

import numpy as np
import pytest

import maplet as mp
from maplet.core.check import check
from maplet.core.reading import parse
from maplet.transforms.simplify import simplify

seconds = 5.0  # of one core, in which a graph of 10,000 nodes is explained


def chain(length):
    def f(x):
        for _ in range(length // 2):
            x = mp.sin(x) * 1.01
        return x

    return f


def trained(length):
    def loss(w, x):
        for _ in range(length // 2):
            x = mp.sin(x * w)
        return mp.sum(x)

    return loss


def readers(length):
    """What reads a graph, or maps it to another: each by its name."""
    f = chain(length)
    graph = mp.trace(f, 0.5)
    return {
        "print and parse": lambda: parse(str(graph)) == graph,
        "check": lambda: check(graph) is None,
        "simplify": lambda: len(simplify(graph)) == 2,
        "grad": lambda: mp.grad(f)(0.5),
        "grad of grad": lambda: mp.grad(mp.grad(f))(0.5),
        "vmap": lambda: mp.vmap(f)(np.full(3, 0.5)),
        "jvp": lambda: mp.jvp(f, (0.5,), (1.0,)),
        "lint": lambda: mp.lint(trained(length), batch=(np.float32(0.5), np.ones(3, np.float32))),
        "explain": lambda: mp.explain(f, 0.5).chain("x"),
        "unfolded": lambda: mp.explain(f, 0.5).text(unfold=True),
        "derive": lambda: mp.derive(f, 0.5).numpy(),
        "evaluate": lambda: mp.evaluate(graph, 0.5),
    }


@pytest.mark.parametrize("name", readers(2))
def test_a_chain_is_not_too_deep(name):
    assert readers(1200)[name]() is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", readers(2))
def test_a_long_chain_is_not_too_deep(name):
    assert readers(10_000)[name]() is not None


def compiled(f, x):
    np.testing.assert_allclose(mp.jit(f)(x), f(mp.asarray(x)), rtol=1e-3)


def added(length):
    return lambda x: sum((x for _ in range(length)), x)


row = np.linspace(0, 1, 5, dtype=np.float32)


def test_a_chain_is_compiled():
    compiled(added(500), row)
    compiled(mp.grad(lambda x: mp.sum(chain(500)(x))), row)


@pytest.mark.slow
def test_a_long_chain_is_compiled():
    compiled(added(10_000), row)
    compiled(mp.grad(lambda x: mp.sum(chain(3_000)(x))), row)


def joined(count):
    xs = [np.full(1 + n % 2, n, np.float32) for n in range(count)]
    f = lambda *xs: mp.concat([x * 2.0 for x in xs])
    np.testing.assert_array_equal(mp.jit(f)(*xs), np.concatenate(xs) * 2)
    graph = mp.trace(f, *xs)
    np.testing.assert_array_equal(mp.evaluate(graph, *xs), np.concatenate(xs) * 2)


def test_many_arrays_are_joined():
    joined(40)


@pytest.mark.slow
def test_hundreds_of_arrays_are_joined():
    joined(520)


def folded(length):
    began = process_time()
    derivation = mp.explain(lambda x: mp.sum(chain(length)(x)), np.ones(3))
    text, page, summary = derivation.text(), derivation.html(), repr(derivation)
    assert len(text.splitlines()) < 40
    assert len(page) < 200_000
    assert f"{length + 1} steps" in summary
    return process_time() - began


def test_a_large_graph_is_explained_folded():
    assert folded(2000) < seconds / 2


@pytest.mark.slow
def test_a_graph_of_ten_thousand_nodes_is_explained_within_seconds():
    assert folded(10_000) < seconds
