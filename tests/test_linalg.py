"""`mp.linalg`: values against NumPy, derivatives against PyTorch and differences, compiled, batched, and refused."""

# A case is one line of a table, and most are lambdas.
# ruff: noqa: E501, PLW0108

import inspect
import itertools

import numpy as np
import pytest

import maplet as mp
from maplet.core.array import Array
from maplet.core.graph import in_order
from maplet.errors import DTypeError, GradientError, NonFiniteError, SettingError, ShapeError

la = mp.linalg
rng = np.random.default_rng(0)
start = rng.bit_generator.state
leads = [(), (3,), (2, 1), (0,)]


@pytest.fixture(autouse=True)
def _the_same_numbers_in_every_order():
    rng.bit_generator.state = start


def regular(*shape):
    return rng.normal(size=shape) + 3 * np.eye(*shape[-2:])


def symmetric(*shape):
    a = rng.normal(size=shape)
    return a + np.swapaxes(a, -1, -2) + np.diag(5.0 * np.arange(shape[-1]))


def positive(*shape):
    a = rng.normal(size=shape)
    return a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1])


def listed(found):
    return list(found) if isinstance(found, tuple) else [found]


def assert_alike(found, expected, dtype, tolerance=0.0):
    """The same numbers, those of float32 rounded once, and the same types; of a tuple each."""
    assert len(listed(found)) == len(listed(expected))
    for ours, theirs in zip(listed(found), listed(expected), strict=True):
        theirs = np.asarray(theirs).astype(dtype)  # noqa: PLW2901  (rounded once)
        assert isinstance(ours, Array)
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


# ── values ───────────────────────────────────────────────────────────────────────────────────────

of_square = {
    "inv": regular, "det": regular, "slogdet": regular, "eigh": symmetric, "eigvalsh": symmetric, "cholesky": positive,
}  # fmt: skip
tolerances = {"eigvalsh": 1e-12}  # NumPy's asks LAPACK for the values alone


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", of_square)
def test_of_square_matrices(name, dtype):
    for lead, n in itertools.product(leads, (0, 1, 2, 5)):
        x = of_square[name](*lead, n, n).astype(dtype)
        expected = getattr(np.linalg, name)(x.astype(np.float64))
        assert_alike(getattr(la, name)(x), expected, dtype, tolerances.get(name, 0.0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_of_matrices_of_any_shape(dtype):
    for lead, rows, columns in itertools.product(leads, (0, 1, 3, 4), (0, 1, 3, 5)):
        x = rng.normal(size=(*lead, rows, columns)).astype(dtype)
        wide = x.astype(np.float64)
        for mode in ("reduced", "complete"):
            assert_alike(la.qr(x, mode=mode), np.linalg.qr(wide, mode), dtype)
        for full in (True, False):
            assert_alike(la.svd(x, full_matrices=full), np.linalg.svd(wide, full_matrices=full), dtype)
        assert_alike(la.svdvals(x), np.linalg.svd(wide, compute_uv=False), dtype, 1e-12)
        pseudo = np.linalg.pinv(wide, rtol=max(rows, columns) * np.finfo(dtype).eps)
        assert_alike(la.pinv(x), pseudo, dtype, 1e-6 if dtype == "float32" else 1e-11)
        if rows and columns:
            assert_alike(la.matrix_rank(x), np.linalg.matrix_rank(wide), "int64")


def test_factors_give_the_matrix():
    x, y = rng.normal(size=(2, 4, 3)), positive(2, 3, 3)
    q, r = la.qr(x)
    np.testing.assert_allclose(q @ r, x, atol=1e-14)
    u, s, vh = la.svd(x, full_matrices=False)
    np.testing.assert_allclose(u * s[:, None, :] @ vh, x, atol=1e-14)
    lower, upper = la.cholesky(y), la.cholesky(y, upper=True)
    np.testing.assert_allclose(lower @ lower.mT, y, atol=1e-13)
    np.testing.assert_allclose(upper.mT @ upper, y, atol=1e-13)
    assert np.all(np.triu(lower.numpy(), 1) == 0)
    assert np.all(np.tril(upper.numpy(), -1) == 0)
    values, vectors = la.eigh(y)
    np.testing.assert_allclose(y @ vectors, vectors * values[:, None, :], atol=1e-13)
    sign, logarithm = la.slogdet(x[:, :3])
    np.testing.assert_allclose(sign * mp.exp(logarithm), la.det(x[:, :3]), rtol=1e-13)


def test_what_is_read_is_one_triangle():
    x = positive(3, 3)
    spoilt = np.tril(x) + np.triu(np.full((3, 3), np.nan), 1)
    for f in (la.cholesky, la.eigh, la.eigvalsh, lambda x: la.cholesky(x.T, upper=True)):
        for found, expected in zip(listed(f(mp.asarray(spoilt))), listed(f(mp.asarray(x))), strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equations(dtype):
    for a, b in [
        ((3, 3), (3,)), ((3, 3), (3, 2)), ((3, 3), (5, 3, 2)), ((5, 3, 3), (3,)), ((5, 3, 3), (3, 2)), ((0, 0), (0,)),
        ((0, 0), (0, 2)), ((1, 1), (1,)), ((0, 3, 3), (3, 2)), ((2, 1, 3, 3), (4, 3, 1)), ((3, 3), (3, 0)),
    ]:  # fmt: skip
        x, y = regular(*a).astype(dtype), rng.normal(size=b).astype(dtype)
        assert_alike(la.solve(x, y), np.linalg.solve(x.astype(np.float64), y.astype(np.float64)), dtype)
    assert la.solve(regular(2, 2), np.ones(2, np.float32)).dtype == np.float64


def test_tolerances_of_rank_and_pseudo_inverse():
    x = np.stack([np.diag([1.0, 1e-3, 1e-9]), np.eye(3)])
    assert la.matrix_rank(x).tolist() == [3, 3]
    assert la.matrix_rank(x, rtol=1e-6).tolist() == [2, 3]
    assert la.matrix_rank(x, rtol=mp.asarray([1e-2, 1e-2])).tolist() == [1, 3]
    assert la.matrix_rank(x.astype(np.float32)).tolist() == [2, 3]
    assert la.matrix_rank(np.zeros((2, 3))).tolist() == 0
    assert la.matrix_rank(np.zeros((2, 0, 3))).tolist() == [0, 0]
    np.testing.assert_allclose(la.pinv(x, rtol=1e-6)[0], np.diag([1, 1e3, 0]), rtol=1e-12)
    np.testing.assert_allclose(la.pinv(x, rtol=[1e-2, 1e-6])[0], np.diag([1, 0, 0]), rtol=1e-12)


def test_products_and_traces():
    x, y, v = rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 3, 5)), rng.normal(size=3)
    for axes in (0, 1, ((2,), (0,)), ((1, 2), (1, 0)), ([-1, -2], [0, 1]), (1, 1)):
        np.testing.assert_allclose(la.tensordot(x, y, axes=axes), np.tensordot(x, y, axes=axes), atol=1e-13)
    assert la.tensordot(x, np.swapaxes(y, 0, 1)).shape == (2, 5)
    assert la.tensordot(np.zeros((2, 0)), np.zeros((0, 3)), axes=1).tolist() == [[0.0] * 3] * 2
    np.testing.assert_allclose(la.vecdot(x, x[:1]), np.linalg.vecdot(x, x[:1]), rtol=1e-13)
    np.testing.assert_allclose(
        la.vecdot(x, v[None, :, None], axis=1), np.linalg.vecdot(x, v[None, :, None], axis=1), rtol=1e-13
    )
    np.testing.assert_allclose(
        la.cross(x, v[None, :, None], axis=1), np.linalg.cross(x, v[None, :, None], axis=1), rtol=1e-13
    )
    np.testing.assert_allclose(la.cross(y[..., :3], v), np.linalg.cross(y[..., :3], v), rtol=1e-13)
    np.testing.assert_array_equal(la.outer(v, v[:2]), np.outer(v, v[:2]))
    for offset in (-2, 0, 1, 9):
        np.testing.assert_allclose(la.trace(x, offset=offset), np.linalg.trace(x, offset=offset), rtol=1e-13)
        np.testing.assert_array_equal(la.diagonal(x, offset=offset), np.linalg.diagonal(x, offset=offset))
    small = mp.asarray([[100, 1], [1, 100]], dtype="int8")
    assert (la.trace(small).item(), la.trace(small).dtype) == (200, np.int64)
    assert la.trace(small, dtype=mp.float32).dtype == np.float32
    assert la.vecdot(small, small).dtype == np.int8
    assert la.matmul is mp.matmul
    assert la.matrix_transpose is mp.matrix_transpose


def test_powers():
    x = regular(2, 3, 3)
    for n in (-3, -1, 0, 1, 2, 3, 7, 8):
        np.testing.assert_allclose(la.matrix_power(x, n), np.linalg.matrix_power(x, n), rtol=1e-11, atol=1e-13)
    assert la.matrix_power(np.asarray([[1, 1], [0, 1]]), 5).tolist() == [[1, 5], [0, 1]]
    assert la.matrix_power(np.zeros((0, 0)), 3).shape == (0, 0)
    a = mp.asarray(x)
    b = la.matrix_power(a, 1)
    b[0] = 0.0
    np.testing.assert_array_equal(a, x)


@pytest.mark.parametrize("ord", [2, 1, 0, np.inf, -np.inf, 3, 0.5, -1, -2.5, 4.0])
def test_norms_of_vectors(ord):
    x = rng.normal(size=(2, 3, 4))
    for axis, keepdims in itertools.product((None, 0, -1, (0, 2), (1, 0, 2)), (False, True)):
        options = {"axis": axis, "keepdims": keepdims, "ord": ord}
        np.testing.assert_allclose(la.vector_norm(x, **options), np.linalg.vector_norm(x, **options), rtol=1e-12)
    assert la.vector_norm(x.astype(np.float32), ord=ord).dtype == np.float32


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, 2, np.inf, -1, -2, -np.inf])
def test_norms_of_matrices(ord):
    for shape, keepdims in itertools.product([(3, 4), (2, 4, 3), (0, 2, 2), (1, 1)], (False, True)):
        x = rng.normal(size=shape)
        found = la.matrix_norm(x, ord=ord, keepdims=keepdims)
        assert_alike(found, np.linalg.matrix_norm(x, ord=ord, keepdims=keepdims), np.float64, 1e-12)


# ── a faulty matrix among others ─────────────────────────────────────────────────────────────────

nan = np.full((3, 3), np.nan)
faulty = {
    "solve": (lambda x: la.solve(x, mp.ones((3, 2), dtype=x.dtype)), np.ones((3, 3))),
    "inv": (la.inv, np.ones((3, 3))),
    "cholesky": (la.cholesky, -np.eye(3)),
    "eigh": (la.eigh, nan),
    "svd": (la.svd, nan),
    "pinv": (la.pinv, nan),
    "det": (la.det, nan),
    "qr": (la.qr, nan),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", faulty)
def test_only_the_faulty_matrix_of_a_batch_becomes_nan(name, dtype):
    f, bad = faulty[name]
    good = positive(2, 3, 3)
    x = np.stack([good[0], bad, good[1]]).astype(dtype)
    for many, first, last in zip(
        listed(f(mp.asarray(x))), listed(f(mp.asarray(x[0]))), listed(f(mp.asarray(x[2]))), strict=True
    ):
        assert np.isnan(many[1]).any()
        assert name == "qr" or np.isnan(many[1]).all()
        np.testing.assert_array_equal(many[0], first)
        np.testing.assert_array_equal(many[2], last)


def test_singular_matrices():
    x = np.stack([np.ones((2, 2)), np.eye(2)])
    sign, logarithm = la.slogdet(x)
    assert (sign.tolist(), logarithm.tolist()) == ([0, 1], [-np.inf, 0])
    assert la.det(x).tolist() == [0, 1]


def test_where_a_nan_begins_is_found():
    with pytest.raises(NonFiniteError, match=r"cholesky made NaN(?s:.*)positive definite") as caught, mp.debug():
        la.cholesky(mp.asarray([[1.0, 2.0], [2.0, 1.0]]))
    assert "test_linalg.py" in str(caught.value)
    with pytest.raises(NonFiniteError, match=r"solve made NaN(?s:.*)singular"), mp.debug():
        la.inv(mp.ones((2, 2)))


# ── derivatives ──────────────────────────────────────────────────────────────────────────────────

tall, wide, square = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 3, 5)), regular(2, 3, 3)
vectors = [rng.normal(size=(4, 3)), rng.normal(size=3)]


def weighted(*parts):
    """One number of several arrays of any of the two libraries."""
    return sum((part * part * (n + 1)).sum() + part.sum() / (n + 2) for n, part in enumerate(parts))


def squares(*parts):
    """One number that does not see the signs of vectors."""
    return sum((part**2)[..., n:].sum() * (n + 1) + (part**4)[..., :1, :].sum() for n, part in enumerate(parts))


# Name → a function of a library's linear algebra and of arrays, and the arrays.
derived = {
    "solve": (lambda m, a, b: m.solve(a, b), [square, rng.normal(size=(2, 3, 2))]),
    "solve vector": (lambda m, a, b: m.solve(a, b), [square[0], rng.normal(size=3)]),
    "solve broadcast": (lambda m, a, b: m.solve(a, b), [square[:, None], rng.normal(size=(4, 3, 2))]),
    "inv": (lambda m, a: m.inv(a), [square]),
    "det": (lambda m, a: m.det(a), [square]),
    "det of one": (lambda m, a: m.det(a), [np.asarray([[2.0]])]),
    "slogdet": (lambda m, a: m.slogdet(a)[1], [square]),
    "cholesky": (lambda m, a: m.cholesky(a @ a.mT), [square]),
    "cholesky upper": (lambda m, a: m.cholesky(a @ a.mT, upper=True), [square]),
    "qr": (lambda m, a: squares(*m.qr(a)), [tall]),
    "qr square": (lambda m, a: squares(*m.qr(a, mode="complete")), [square]),
    "qr wide": (lambda m, a: squares(*m.qr(a)), [wide]),
    "Q": (lambda m, a: squares(m.qr(a)[0]), [wide]),
    "R": (lambda m, a: squares(m.qr(a)[1]), [tall]),
    "eigh": (lambda m, a: weighted(m.eigh(a + a.mT)[0]) + squares(m.eigh(a + a.mT)[1]), [square]),
    "eigvalsh": (lambda m, a: m.eigvalsh(a + a.mT), [square]),
    "svd": (lambda m, a: squares(*m.svd(a, full_matrices=False)), [tall]),
    "svd wide": (lambda m, a: squares(*m.svd(a, full_matrices=False)), [wide]),
    "svd square": (lambda m, a: squares(*m.svd(a)), [square]),
    "U": (lambda m, a: squares(m.svd(a, full_matrices=False)[0]), [tall]),
    "Vh": (lambda m, a: squares(m.svd(a, full_matrices=False)[2]), [wide]),
    "svdvals": (lambda m, a: m.svdvals(a), [wide]),
    "pinv": (lambda m, a: m.pinv(a), [tall]),
    "pinv wide": (lambda m, a: m.pinv(a), [wide]),
    "matrix_power": (lambda m, a: m.matrix_power(a, 5), [square]),
    "matrix_power inverse": (lambda m, a: m.matrix_power(a, -2), [square]),
    "vecdot": (lambda m, a, b: m.vecdot(a, b), vectors),
    "cross": (lambda m, a, b: m.cross(a, b), [vectors[0], vectors[0][::-1] + 1]),
    "diagonal": (lambda m, a: m.diagonal(a, offset=1), [wide]),
    **{f"vector_norm {p}": (lambda m, a, p=p: m.vector_norm(a, ord=p), [tall[0]]) for p in (2, 1, 3, 0.5, -1, np.inf, -np.inf)},
    **{f"matrix_norm {p}": (lambda m, a, p=p: m.matrix_norm(a, ord=p), [tall]) for p in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)},
}  # fmt: skip


@pytest.mark.parametrize("name", derived)
def test_value_and_gradient_agree_with_pytorch(name):
    torch = pytest.importorskip("torch")
    f, inputs = derived[name]
    tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
    expected = weighted(f(torch.linalg, *tensors))
    expected.backward()
    numbers = list(range(len(inputs)))
    value, gradients = mp.value_and_grad(lambda *xs: weighted(f(la, *xs)), numbers)(*map(mp.asarray, inputs))
    np.testing.assert_allclose(value, expected.detach(), rtol=1e-11)
    for gradient, tensor in zip(gradients, tensors, strict=True):
        np.testing.assert_allclose(gradient, tensor.grad, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", derived)
def test_float32_agrees_with_pytorch(name):
    torch = pytest.importorskip("torch")
    f, inputs = derived[name]
    narrow = [x.astype(np.float32) for x in inputs]
    found = f(la, *map(mp.asarray, narrow))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, f(torch.linalg, *map(torch.tensor, narrow)), rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("name", derived)
def test_the_gradient_is_that_of_differences(name):
    f, inputs = derived[name]
    assert mp.check_gradient(lambda *xs: weighted(f(la, *xs)), *map(mp.asarray, inputs)).passed


def minors(x):
    """The signed determinants of what is left without a row and a column, for each row and column."""
    n = len(x)
    less = [[np.delete(np.delete(x, i, axis=0), j, axis=1) for j in range(n)] for i in range(n)]
    return [[(-1) ** (i + j) * np.linalg.det(less[i][j]) for j in range(n)] for i in range(n)]


def test_the_gradient_of_a_determinant_at_a_singular_matrix():
    """The minors; PyTorch's is 0 where elimination meets an exact 0."""
    for x in (
        [[1.0, 2.0], [2.0, 4.0]],
        np.arange(9.0).reshape(3, 3),
        np.zeros((2, 2)),
        np.diag([3.0, 2.0, 0.0]),
        [[0.0]],
    ):
        np.testing.assert_allclose(mp.grad(la.det)(np.asarray(x)), minors(np.asarray(x)), atol=1e-12)


def test_the_derivative_of_a_pseudo_inverse_needs_no_distinct_singular_values():
    x, direction = np.eye(4, 3), rng.normal(size=(4, 3))
    _, found = mp.jvp(la.pinv, (x,), (direction,))
    step = 1e-6
    expected = (np.linalg.pinv(x + step * direction) - np.linalg.pinv(x - step * direction)) / (2 * step)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_derivative_of_a_pseudo_inverse_along_matrices_of_one_rank():
    u, v, du, dv = (rng.normal(size=n) for n in (4, 3, 4, 3))
    _, found = mp.jvp(lambda u, v: la.pinv(la.outer(u, v)), (u, v), (du, dv))
    step = 1e-6
    high, low = (np.linalg.pinv(np.outer(u + s * du, v + s * dv)) for s in (step, -step))
    np.testing.assert_allclose(found, (high - low) / (2 * step), rtol=1e-7, atol=1e-9)


def test_what_coincides_has_no_derivative_and_its_values_have():
    x = np.eye(3)
    weights = rng.normal(size=(3, 3))
    assert mp.grad(lambda x: mp.sum(la.eigvalsh(x)))(x).tolist() == x.tolist()
    assert mp.grad(lambda x: mp.sum(la.svdvals(x)))(x).tolist() == x.tolist()
    assert not np.isfinite(mp.grad(lambda x: mp.sum(la.eigh(x).eigenvectors * weights))(x)).all()
    assert not np.isfinite(mp.grad(lambda x: mp.sum(la.svd(x).U * weights))(x)).all()
    assert np.isnan(mp.grad(lambda x: mp.sum(la.qr(x).R))(np.diag([1.0, 0.0]))).any()  # R is exactly singular
    assert np.isnan(mp.grad(lambda x: la.slogdet(x).logabsdet)(np.ones((2, 2)))).all()
    hessian = mp.hessian(la.det)(np.ones((2, 2)))
    assert np.isnan(hessian).all()


def test_what_has_no_derivative_is_refused():
    x = rng.normal(size=(4, 3))
    with pytest.raises(GradientError, match=r"full_matrices=True(?s:.*)full_matrices=False"):
        mp.grad(lambda x: mp.sum(la.svd(x).U))(x)
    with pytest.raises(GradientError, match=r"complete(?s:.*)reduced"):
        mp.grad(lambda x: mp.sum(la.qr(x, mode="complete").R))(x)
    with pytest.raises(GradientError, match="integers or truth values"):
        mp.grad(lambda x: mp.sum(la.matrix_rank(x) * 1.0))(x)
    values = mp.grad(lambda x: mp.sum(la.svd(x).S))(x)
    np.testing.assert_allclose(values, mp.grad(lambda x: mp.sum(la.svdvals(x)))(x), rtol=1e-13)


def test_the_gradient_of_the_zero_vector():
    for p in (2, 3, 1.5, 1, np.inf):
        assert mp.grad(lambda x, p=p: la.vector_norm(x, ord=p))(np.zeros(3)).tolist() == [0, 0, 0]


# ── in programs ──────────────────────────────────────────────────────────────────────────────────

every_function = pytest.mark.parametrize("name", derived)


@every_function
def test_compiled_is_eager(name):
    f, inputs = derived[name]

    def both(*xs):
        return mp.value_and_grad(lambda *xs: weighted(f(la, *xs)), list(range(len(xs))))(*xs)

    native = mp.jit(both)
    for factor in (1.0, 1.25):
        xs = [mp.asarray(x * factor) for x in inputs]
        (value, gradients), (expected, eager) = native(*xs), both(*xs)
        np.testing.assert_allclose(value, expected, rtol=1e-11)
        for one, other in zip(gradients, eager, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10)


@every_function
def test_a_batch_is_the_loop(name):
    f, inputs = derived[name]
    rows = [np.stack([x * factor for factor in (1.0, 1.1, 1.3)]) for x in inputs]
    for batched in itertools.product((0, None), repeat=len(inputs)):
        if all(axis is None for axis in batched):
            continue
        given = [x if axis == 0 else x[0] for x, axis in zip(rows, batched, strict=True)]
        found = mp.vmap(lambda *xs: f(la, *xs), in_axes=batched)(*given)
        expected = [
            f(la, *[x[n] if axis == 0 else x for x, axis in zip(given, batched, strict=True)]) for n in range(3)
        ]
        np.testing.assert_allclose(found, mp.stack(expected), rtol=1e-12, atol=1e-13)


def test_a_matrix_that_rows_share_is_factored_once():
    a, several, b = mp.asarray(regular(3, 3)), mp.asarray(regular(2, 3, 3)), mp.asarray(rng.normal(size=(5, 2, 3, 4)))
    rows = mp.vmap(la.solve, in_axes=(None, 0))
    both = mp.vmap(rows, in_axes=(None, 1), out_axes=1)
    for f, matrices, given in [
        (rows, several, b),
        (both, a, b),
        (rows, a, b[:, 0, :, 0]),
        (la.solve, a, b),
        (la.solve, several, b),
    ]:
        graph = mp.trace(f, matrices, given)
        (solve,) = [node for node in in_order(graph.outputs) if node.primitive.name == "solve"]
        assert solve.inputs[0] is graph.inputs[0]
        left = np.broadcast_to(matrices, (*given.shape[: 1 if given.ndim == 2 else 2], 3, 3))
        right = np.asarray(given)[..., None] if given.ndim == 2 else np.asarray(given)
        np.testing.assert_allclose(
            f(matrices, given), np.linalg.solve(left, right).reshape(given.shape), rtol=1e-12, atol=1e-13
        )
    assert la.solve(a, b[:0]).shape == (0, 2, 3, 4)


@every_function
def test_the_graph_is_read_back(name):
    f, inputs = derived[name]
    graph = mp.trace(lambda *xs: mp.grad(lambda *xs: weighted(f(la, *xs)))(*xs), *inputs)
    mp.check(graph)
    assert mp.parse(str(graph)) == graph


def test_host_calls_are_listed():
    explained = mp.explain_compile(lambda x: la.eigh(x @ x.T).eigenvectors * la.det(x), mp.ones((3, 3)))
    assert {call.operation for call in explained.host_calls} == {"eigh", "det"}


def test_several_results_in_loops_branches_and_checkpoints():
    x = square[0]

    def step(x, _):
        u, s, vh = la.svd(x)
        return mp.sin((u * s[None]) @ vh + vh.T @ u.T), s[0]

    def step_of_values(x, _):
        return mp.sin(x) + la.svdvals(x), la.eigvalsh(x)[0]

    def loop(step):
        def f(x):
            last, values = mp.scan(step, x, length=3)
            return mp.sum(last) + mp.sum(values)

        return f

    def unrolled(step):
        def f(x):
            total = 0.0
            for _ in range(3):
                x, value = step(x, None)
                total = total + value
            return mp.sum(x) + total

        return f

    branch = lambda x: mp.cond(la.det(x) > 0, lambda x: mp.sum(la.qr(x).R), lambda x: mp.sum(la.eigh(x).eigenvalues), x)
    pairs = [(loop(s), unrolled(s)) for s in (step, step_of_values)]
    for f, g in [*pairs, (mp.checkpoint(unrolled(step)), unrolled(step)), (branch, lambda x: mp.sum(la.qr(x).R))]:
        for run in (lambda f: f, mp.jit):
            value, gradient = run(mp.value_and_grad(f))(x)
            expected, eager = mp.value_and_grad(g)(mp.asarray(x))
            np.testing.assert_allclose(value, expected, rtol=1e-11)
            np.testing.assert_allclose(gradient, eager, rtol=1e-8, atol=1e-9)


def test_second_derivatives_of_a_covariance():
    """The negative logarithm of a normal density: forward over reverse is the difference of gradients."""
    data = rng.normal(size=(5, 3))

    def loss(a):
        covariance = a @ a.T + mp.eye(3, dtype=mp.float64)
        lower = la.cholesky(covariance)
        return mp.sum(la.solve(lower, data.T) ** 2) + 2 * mp.sum(mp.log(la.diagonal(lower)))

    a, t = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
    step = 1e-5
    expected = (mp.grad(loss)(a + step * t).numpy() - mp.grad(loss)(a - step * t).numpy()) / (2 * step)
    np.testing.assert_allclose(mp.hvp(loss, (a,), (t,)), expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(mp.jit(lambda a, t: mp.hvp(loss, (a,), (t,)))(a, t), expected, rtol=1e-6, atol=1e-7)


# ── names ────────────────────────────────────────────────────────────────────────────────────────

signatures = {  # of the Python array API standard, 2024.12
    "cholesky": "(x, /, *, upper=False)", "cross": "(x1, x2, /, *, axis=-1)", "det": "(x, /)",
    "diagonal": "(x, /, *, offset=0)", "eigh": "(x, /)", "eigvalsh": "(x, /)", "inv": "(x, /)",
    "matmul": "(x1, x2, /)", "matrix_norm": "(x, /, *, keepdims=False, ord='fro')", "matrix_power": "(x, n, /)",
    "matrix_rank": "(x, /, *, rtol=None)", "matrix_transpose": "(x, /)", "outer": "(x1, x2, /)",
    "pinv": "(x, /, *, rtol=None)", "qr": "(x, /, *, mode='reduced')", "slogdet": "(x, /)", "solve": "(x1, x2, /)",
    "svd": "(x, /, *, full_matrices=True)", "svdvals": "(x, /)", "tensordot": "(x1, x2, /, *, axes=2)",
    "trace": "(x, /, *, offset=0, dtype=None)", "vecdot": "(x1, x2, /, *, axis=-1)",
    "vector_norm": "(x, /, *, axis=None, keepdims=False, ord=2)",
}  # fmt: skip


def test_names_and_signatures_are_those_of_the_standard():
    assert la.__all__ == sorted(signatures) == dir(la)
    for name, expected in signatures.items():
        given = inspect.signature(getattr(la, name))
        bare = [p.replace(annotation=inspect.Parameter.empty) for p in given.parameters.values()]
        assert str(inspect.Signature(bare)) == expected, name


def test_results_have_names():
    x = mp.asarray(square[0])
    results = {
        "eigh": ["eigenvalues", "eigenvectors"],
        "qr": ["Q", "R"],
        "slogdet": ["sign", "logabsdet"],
        "svd": ["U", "S", "Vh"],
    }
    for name, fields in results.items():
        for f in (getattr(la, name), mp.jit(getattr(la, name)), mp.vmap(getattr(la, name))):
            found = f(x[None]) if f is not getattr(la, name) else f(x)
            assert list(found._fields) == fields
            assert all(isinstance(part, Array) for part in found)


def test_names_of_other_libraries_teach():
    for name in ("norm", "eig", "lstsq", "cond"):
        with pytest.raises(AttributeError, match=r"mp\.linalg|svdvals"):
            getattr(la, name)


# ── errors ───────────────────────────────────────────────────────────────────────────────────────

half = mp.ones((2, 2), dtype=mp.float16)
whole = mp.asarray([[2, 1], [1, 2]])
plain = mp.ones((2, 3))
refused = {
    **{f"{n} of float16": (lambda n=n: getattr(la, n)(half), DTypeError, f"{n} takes float32 or float64, not f16") for n in ("cholesky", "det", "eigh", "inv", "pinv", "qr", "slogdet", "svd", "matrix_rank")},
    **{f"{n} of integers": (lambda n=n: getattr(la, n)(whole), DTypeError, f"{n} takes float32 or float64, not i64") for n in ("det", "inv", "svd")},
    **{f"{n} not square": (lambda n=n: getattr(la, n)(plain), ShapeError, f"{n} takes square matrices, given 2 rows and 3") for n in ("cholesky", "det", "eigh", "inv", "slogdet")},
    **{f"{n} of a vector": (lambda n=n: getattr(la, n)(mp.ones(3)), ShapeError, f"{n} takes a matrix") for n in ("cholesky", "det", "pinv", "qr", "svd", "matrix_rank", "matrix_norm")},
    "solve of float16": (lambda: la.solve(half, half), DTypeError, "solve takes float32 or float64"),
    "solve not square": (lambda: la.solve(plain, mp.ones(2)), ShapeError, "solve takes square matrices"),
    "solve with rows missing": (lambda: la.solve(mp.eye(3), mp.ones((2, 3))), ShapeError, "which has not 3 rows"),
    "solve of other batches": (lambda: la.solve(mp.ones((2, 3, 3)), mp.ones((4, 3, 1))), ShapeError, "before the matrices"),
    "qr in another mode": (lambda: la.qr(plain, mode="raw"), SettingError, "mode='raw'"),
    "a norm of another order": (lambda: la.matrix_norm(plain, ord=3), SettingError, "ord=3"),
    "a norm of a name": (lambda: la.vector_norm(plain, ord="fro"), SettingError, "ord='fro'"),
    "cross of two": (lambda: la.cross(mp.ones(2), mp.ones(2)), ShapeError, "3 elements"),
    "vecdot of lengths": (lambda: la.vecdot(mp.ones(2), mp.ones(3)), ShapeError, "length 2 and 3"),
    "vecdot of numbers": (lambda: la.vecdot(mp.ones(()), mp.ones(3)), ShapeError, "takes vectors"),
    "outer of matrices": (lambda: la.outer(plain, plain), ShapeError, "two vectors"),
    "tensordot of lengths": (lambda: la.tensordot(plain, plain, axes=1), ShapeError, r"lengths \[3\] and \[2\]"),
    "tensordot of too many": (lambda: la.tensordot(plain, plain, axes=3), ShapeError, "3 axes"),
    "tensordot of no pairs": (lambda: la.tensordot(plain, plain, axes=((0,), (0, 1))), SettingError, "not pairs"),
    "tensordot of a fraction": (lambda: la.tensordot(plain, plain, axes=1.5), SettingError, "expected an integer"),
    "half a power": (lambda: la.matrix_power(mp.eye(2), 0.5), SettingError, "n=0.5"),
    "a power of a row": (lambda: la.matrix_power(plain, 2), ShapeError, "square"),
}  # fmt: skip


@pytest.mark.parametrize("name", refused)
def test_it_is_refused(name):
    call, error, message = refused[name]
    with pytest.raises(error, match=message) as caught:
        call()
    assert caught.value.fix or ": expected " in str(caught.value)
    assert "test_linalg.py" in str(caught.value)
