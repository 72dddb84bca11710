"""Sums of products by the names of axes: as NumPy has them, with their gradients, in one contraction each."""

import numpy as np
import pytest

import maplet as mp
from maplet.compiler.blocks import Contract
from maplet.compiler.program import Program
from maplet.errors import ShapeError
from native_laws import graph_for

rng = np.random.default_rng(0)

cases = {
    "ij,jk->ik": [(3, 4), (4, 5)],
    "ij,kj": [(3, 4), (5, 4)],
    "i,i": [(6,), (6,)],
    "i,j->ij": [(3,), (4,)],
    "bij,bjk->bik": [(2, 3, 4), (2, 4, 5)],
    "bqhd,bkhd->bhqk": [(2, 3, 4, 5), (2, 6, 4, 5)],
    "...ij,...jk->...ik": [(2, 1, 3, 4), (5, 4, 2)],
    "...i,...i": [(2, 3), (1, 3)],
    "ii": [(4, 4)],
    "ii->i": [(4, 4)],
    "iij->j": [(3, 3, 2)],
    "iij,jk->ik": [(3, 3, 2), (2, 4)],
    "ij->ji": [(2, 3)],
    "ij->": [(2, 3)],
    "ba": [(2, 3)],
    "i...->...": [(2, 3, 4)],
    "ij,j,jk->ik": [(3, 4), (4,), (4, 5)],
    "ab,bc,cd,de->ae": [(2, 3), (3, 4), (4, 5), (5, 6)],
    "ni,ij,nj->n": [(3, 4), (4, 5), (3, 5)],
    "ij,ij,ij->i": [(2, 3), (2, 3), (2, 3)],
    "ij,jk->": [(3, 4), (4, 5)],
    "a,b,c->cab": [(2,), (3,), (4,)],
    "ij,jk->ik ": [(0, 4), (4, 5)],
    "ij, jk -> ik": [(3, 0), (0, 5)],
    "ij,ij->ij": [(1, 3), (2, 3)],
    "ij,jk,kl->il": [(3, 1), (4, 5), (5, 2)],
}


@pytest.mark.parametrize("subscripts", cases)
def test_as_numpy_has_it(subscripts):
    values = [rng.normal(size=shape) for shape in cases[subscripts]]
    expected = np.einsum(subscripts, *values)
    found = mp.einsum(subscripts, *map(mp.asarray, values))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        mp.jit(lambda *xs: mp.einsum(subscripts, *xs))(*map(mp.asarray, values)), expected, rtol=1e-12, atol=1e-12
    )
    if all(x.size for x in values):
        mp.check_gradient(lambda *xs: mp.sum(mp.sin(mp.einsum(subscripts, *xs))), *map(mp.asarray, values))


@pytest.mark.parametrize("subscripts", cases)
def test_rows_of_a_batch(subscripts):
    shapes = cases[subscripts]
    many = [mp.asarray(rng.normal(size=(3, *shape))) for shape in shapes]
    rows = mp.vmap(lambda *xs: mp.einsum(subscripts, *xs))(*many)
    for n in range(3):
        np.testing.assert_allclose(rows[n], mp.einsum(subscripts, *(x[n] for x in many)), rtol=1e-11, atol=1e-12)


def test_two_operands_are_one_contraction():
    values = [rng.normal(size=shape).astype("f4") for shape in cases["bqhd,bkhd->bhqk"]]
    graph = graph_for(lambda xs: [mp.einsum("bqhd,bkhd->bhqk", *xs)], values)
    assert [type(item) for item in Program(graph).block.items] == [Contract]


def test_integers_and_mixed_dtypes():
    x, y = np.arange(6).reshape(2, 3), rng.normal(size=(3, 2)).astype("f4")
    assert mp.einsum("ij,jk->ik", x, x.T).dtype == np.int64
    np.testing.assert_array_equal(mp.einsum("ij,jk->ik", x, x.T), x @ x.T)
    assert mp.einsum("ij,jk->ik", x, y).dtype == np.float32


@pytest.mark.parametrize(
    ("subscripts", "shapes", "words"),
    [
        ("ij,jk->ik", [(3, 4)], "2 groups of letters for 1 arrays"),
        ("ij,jk->ik", [(3, 4), (5, 6)], "lengths 4 and 5"),
        ("ij->ik", [(3, 4)], "'k', which no operand has"),
        ("ij->ii", [(3, 4)], "twice in the result"),
        ("i->i", [(3, 4)], "does not name the axes"),
        ("ijk->i", [(3, 4)], "does not name the axes"),
        ("i1->i", [(3, 4)], "no group of letters"),
        ("ii->i", [(3, 4)], "lengths 3"),
    ],
)
def test_what_does_not_fit_is_said(subscripts, shapes, words):
    with pytest.raises(ShapeError, match=words):
        mp.einsum(subscripts, *(mp.zeros(shape) for shape in shapes))
