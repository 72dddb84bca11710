"""Connectionist temporal classification against PyTorch, on sequences too long to list the paths of."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn

random = np.random.default_rng(0)
count, times, classes, letters = 7, 40, 6, 12
logits = 2 * random.normal(size=(count, times, classes))
targets = random.integers(1, classes, size=(count, letters))
targets[0] = 3  # needs a blank between each two
lengths = np.array([40, 38, 25, 40, 31, 33, 40])
target_lengths = np.array([12, 12, 11, 0, 1, 7, 12])


def ours(logits, targets=targets, lengths=lengths, target_lengths=target_lengths, **options):
    return nn.ctc(mp.log_softmax(logits), targets, lengths, target_lengths, **options)


def theirs(logits, targets=targets, lengths=lengths, target_lengths=target_lengths, **options):
    torch = pytest.importorskip("torch")
    x = torch.tensor(logits, requires_grad=True)
    given = [torch.tensor(array) for array in (targets, lengths, target_lengths)]
    values = torch.nn.functional.ctc_loss(x.log_softmax(-1).moveaxis(1, 0), *given, reduction="none", **options)
    values.sum().backward()
    return values.detach().numpy(), x.grad.numpy()


@pytest.mark.parametrize("blank", [0, 5])
def test_values_and_gradients_agree_with_pytorch(blank):
    spelled = targets if blank == 0 else targets - 1
    values, gradient = theirs(logits, spelled, blank=blank)
    np.testing.assert_allclose(ours(logits, spelled, blank=blank, reduction="none"), values, rtol=1e-12)
    found = mp.grad(lambda x: ours(x, spelled, blank=blank, reduction="sum"))(logits)
    np.testing.assert_allclose(found, gradient, rtol=1e-9, atol=1e-12)


def test_compiled_and_in_float32():
    values, gradient = theirs(logits)
    step = mp.jit(mp.value_and_grad(lambda x, *rest: ours(x, *rest, reduction="sum")))
    value, found = step(logits.astype("float32"), targets, lengths, target_lengths)
    assert value.dtype == found.dtype == np.float32
    np.testing.assert_allclose(float(value), values.sum(), rtol=1e-5)
    np.testing.assert_allclose(found, gradient, atol=2e-5)


def test_a_target_without_a_path_costs_infinity_and_teaches_nothing():
    """Eleven equal letters need 21 times; in PyTorch the gradient is NaN without zero_infinity."""
    short = np.where(np.arange(count) == 0, 20, lengths)
    values, gradient = theirs(logits, lengths=short, zero_infinity=True)
    found = ours(logits, lengths=short, reduction="none").numpy()
    assert found[0] == np.inf
    np.testing.assert_allclose(found[1:], values[1:], rtol=1e-12)
    assert float(ours(logits, lengths=short)) == np.inf
    for reduction, share in (("sum", 1), ("mean", count)):
        of_all = mp.grad(ours)(logits, lengths=short, reduction=reduction).numpy()
        np.testing.assert_array_equal(of_all[0], 0)
        np.testing.assert_allclose(of_all[1:], gradient[1:] / share, rtol=1e-9, atol=1e-12)
    weights = (np.arange(count) > 0) * 1.0
    np.testing.assert_allclose(ours(logits, lengths=short, weights=weights), values[1:].mean(), rtol=1e-12)


def test_classes_that_are_excluded_are_no_path():
    x = np.array([[[0.0, -np.inf, 0.0], [0.0, 0.0, -np.inf]]])  # ½ and ½ for (blank, 2), then for (blank, 1)
    known = np.array([[2, 1]]), np.array([2]), np.array([2])
    value, gradient = mp.value_and_grad(lambda x: ours(x, *known))(x)
    np.testing.assert_allclose(float(value), np.log(4), rtol=1e-12)
    np.testing.assert_allclose(gradient, [[[0.5, 0, -0.5], [0.5, -0.5, 0]]], rtol=1e-12)
    assert float(ours(x, np.array([[1, 2]]), *known[1:])) == np.inf


def test_silence_is_the_path_of_blanks_and_nothing_is_said_in_no_time():
    silence = -mp.sum(mp.log_softmax(logits)[:, :, 0], axis=1)
    none = np.zeros((count, 0), dtype=int), lengths * 0 + times, lengths * 0
    np.testing.assert_allclose(ours(logits, *none, reduction="none"), silence, rtol=1e-12)
    np.testing.assert_array_equal(ours(logits, targets, lengths * 0, lengths * 0, reduction="none"), 0)
    np.testing.assert_array_equal(ours(logits, targets, lengths * 0, lengths * 0 + 1, reduction="none"), np.inf)


def test_a_padded_batch_is_its_sequences_one_by_one():
    """What stands behind the lengths counts for nothing, in the values and in the gradient."""
    changed = logits.copy()
    changed[np.arange(times) >= lengths[:, None]] = 7.0
    together = ours(changed, reduction="none")
    gradient = mp.grad(lambda x: ours(x, reduction="sum"))(changed).numpy()
    for n in range(count):
        row = slice(n, n + 1)
        x, spelled = changed[row, : lengths[n]], targets[row, : target_lengths[n]]
        alone = lambda x, spelled=spelled, row=row: ours(x, spelled, lengths[row], target_lengths[row])
        np.testing.assert_allclose(alone(x), together[n], rtol=1e-12)
        np.testing.assert_allclose(mp.grad(alone)(x)[0], gradient[n, : lengths[n]], rtol=1e-9, atol=1e-12)
        assert not gradient[n, lengths[n] :].any()


def test_a_net_learns_to_say_the_letters():
    net = nn.Sequential(nn.Linear(classes, 16, rng=0), nn.Tanh(), nn.Linear(16, classes, rng=1))
    optimizer = mp.optim.Adam(0.02)
    spelled = mp.asarray(targets)
    rows = mp.one_hot(mp.repeat(spelled, 3, axis=1), classes)  # each letter is heard three times

    @mp.jit
    def step(net, optimizer):
        def loss(net):
            return nn.ctc(mp.log_softmax(net(rows)), spelled, np.full(count, 36), np.full(count, letters))

        value, gradients = mp.value_and_grad(loss)(net)
        optimizer.update(net, gradients)
        return value

    values = [float(step(net, optimizer)) for _ in range(100)]
    assert values[-1] < 0.3 * values[0]
