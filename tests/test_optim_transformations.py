"""Transformations: clipping, chains, decay."""

import math

import numpy as np
import pytest

import maplet as mp
from maplet import optim
from maplet.core.tree import leaves
from maplet.errors import SettingError
from maplet.optim.transformations import global_norm

rng = np.random.default_rng(0)


def through(transformation, gradients, parameters=None):
    arrays = {name: mp.asarray(value) for name, value in gradients.items()}
    beside = {name: mp.asarray(value) for name, value in (parameters or gradients).items()}
    updates, _ = transformation.update(arrays, transformation.init(beside), beside)
    return {name: array.tolist() for name, array in updates.items()}


def test_clipping_by_norm_runs_over_all_parameters_and_leaves_short_gradients_alone():
    long = {"a": [3.0, 0.0], "b": [[0.0], [4.0]]}
    assert through(optim.clip_by_norm(10.0), long) == long
    assert through(optim.clip_by_norm(5.0), long) == long  # just as long as allowed: the same bits
    assert through(optim.clip_by_norm(2.5), long) == {"a": [1.5, 0.0], "b": [[0.0], [2.0]]}
    assert through(optim.clip_by_norm(1.0), {"a": [0.0]}) == {"a": [0.0]}


def test_clipping_by_norm_survives_squares_that_float32_cannot_hold():
    huge = through(optim.clip_by_norm(1.0), {"a": np.float32([3e30, 4e30])})
    np.testing.assert_allclose(huge["a"], [0.6, 0.8], rtol=1e-6)


def test_clipping_hides_neither_nan_nor_infinity():
    for transformation in (optim.clip_by_norm(1.0), optim.clip_by_value(1.0)):
        assert math.isnan(through(transformation, {"a": [math.nan, 1.0]})["a"][0])
    assert math.isnan(through(optim.clip_by_norm(1.0), {"a": [math.inf, 1.0]})["a"][0])


def test_clipping_by_norm_is_pytorchs():
    torch = pytest.importorskip("torch")
    gradients = {"a": rng.normal(size=(3, 2)), "b": rng.normal(size=(4,))}
    tensors = [torch.zeros(g.shape, dtype=torch.float64) for g in gradients.values()]
    for tensor, gradient in zip(tensors, gradients.values(), strict=True):
        tensor.grad = torch.tensor(gradient)
    norm = torch.nn.utils.clip_grad_norm_(tensors, 0.5)
    assert global_norm({n: mp.asarray(g) for n, g in gradients.items()}).item() == pytest.approx(norm.item(), rel=1e-12)
    found = through(optim.clip_by_norm(0.5), gradients)
    for tensor, clipped in zip(tensors, found.values(), strict=True):
        np.testing.assert_allclose(clipped, tensor.grad.numpy(), rtol=1e-5)  # PyTorch divides by the norm + 10⁻⁶


def test_a_value_is_clipped_before_the_norm():
    theta = mp.asarray([0.0, 0.0])
    optim.SGD(1.0, clip_value=4.0, clip_norm=1.0).update(theta, mp.asarray([-3.0, -100.0]))
    np.testing.assert_allclose(theta.tolist(), [0.6, 0.8], rtol=1e-6)


def test_a_chain_hands_on_updates_and_keeps_every_state():
    both = optim.chain(optim.momentum(0.5), optim.scale(10.0), optim.momentum(0.5))
    theta = {"w": mp.asarray(0.0)}
    state = both.init(theta)
    given = {"w": mp.asarray(1.0)}
    first, state = both.update(given, state, theta)
    second, state = both.update(given, state, theta)
    assert (first["w"].item(), second["w"].item()) == (10.0, 20.0)
    assert list(leaves(state)) == ["0.velocity.w", "2.velocity.w"]
    assert given["w"].item() == 1.0


def test_decay_behind_the_scaling_is_adamw():
    a, b = mp.asarray([1.0, -2.0]), mp.asarray([1.0, -2.0])
    named, chained = (
        optim.AdamW(0.1, weight_decay=0.3),
        optim.Chain(0.1, optim.scale_by_adam(), optim.decay_weights(0.3)),
    )
    for _ in range(3):
        named.update(a, a * 2)
        chained.update(b, b * 2)
    assert a.tolist() == b.tolist()


def test_a_centered_variance_that_rounds_below_zero_makes_no_nan():
    theta, constant = mp.asarray(np.ones(100)), rng.uniform(size=100)
    optimizer = optim.RMSprop(0.1, rho=0.5, centered=True)
    for _ in range(80):  # E − m² → 0 for a constant gradient, and rounding lets it fall on either side
        optimizer.update(theta, constant)
    assert np.isfinite(theta.numpy()).all()


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (1, 6), (4, 1)])
def test_an_orthogonalized_matrix_keeps_its_directions_and_evens_out_its_sizes(shape):
    given = rng.normal(size=shape)
    found = np.array(through(optim.orthogonalize(iterations=10, size="spectral"), {"w": given})["w"])
    found /= max(1.0, shape[1] / shape[0]) ** 0.5
    sizes = np.linalg.svd(found, compute_uv=False)
    assert sizes.min() > 0.6
    assert sizes.max() < 1.3
    product = given.T @ found  # symmetric where both have the same singular vectors
    np.testing.assert_allclose(product, product.T, atol=1e-9 * np.abs(product).max())


def test_a_kernel_is_a_matrix_from_what_it_reads_to_what_it_writes():
    kernel, rule = rng.normal(size=(2, 2, 3, 4)), optim.orthogonalize()
    as_matrix = through(rule, {"w": kernel.reshape(12, 4)})["w"]
    np.testing.assert_array_equal(np.array(through(rule, {"w": kernel})["w"]).reshape(12, 4), as_matrix)
    assert np.sqrt(np.mean(np.square(as_matrix))) == pytest.approx(0.2, rel=0.3)  # as an update of Adam
    assert through(rule, {"w": np.zeros((2, 2))})["w"] == [[0.0, 0.0], [0.0, 0.0]]


def test_a_step_has_the_length_of_its_parameter_unless_one_of_them_is_zero():
    gradients = {"long": [3.0, 4.0], "zero": [0.0, 0.0], "new": [1.0, 0.0]}
    found = through(
        optim.scale_by_trust_ratio(), gradients, {"long": [0.0, 10.0], "zero": [1.0, 1.0], "new": [0.0, 0.0]}
    )
    assert found == {"long": [6.0, 8.0], "zero": [0.0, 0.0], "new": [1.0, 0.0]}


def test_what_adafactor_remembers_of_a_matrix_is_its_rows_and_columns():
    net = {"matrix": mp.zeros((30, 20)), "stack": mp.zeros((5, 4, 3)), "vector": mp.zeros((7,))}
    moments = optim.scale_by_adafactor().init(net)["second_moment"]
    assert {name: [leaf.shape for leaf in kept] for name, kept in moments.items()} == {
        "matrix": [(30, 1), (1, 20)], "stack": [(5, 4, 1), (5, 1, 3)], "vector": [(7,)],
    }  # fmt: skip


def test_a_partition_has_a_part_for_everything():
    rule = optim.partition(lambda name, _: name, {"a": optim.scale(2.0)})
    assert through(rule, {"a": 1.0}) == {"a": 2.0}
    with pytest.raises(SettingError, match="no part 'b' for b; there are a"):
        through(rule, {"b": 1.0})
