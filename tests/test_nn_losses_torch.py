"""Every loss beside PyTorch's: values and gradients for every reduction, and ten steps of training."""

import numpy as np
import pytest

import maplet as mp
from loss_examples import every_loss, every_loss_in_time, every_reduction, per_row
from maplet import optim
from maplet.core.array import Parameter
from maplet.nn.losses import losses
from torch_losses import torch_loss

torch = pytest.importorskip("torch")


@every_loss
@every_reduction
@pytest.mark.parametrize("weighted", [False, True])
def test_values_and_gradients_agree(name, given, options, reduction, weighted):
    w = per_row(given) if weighted else np.ones(given[0].shape[0])
    p = torch.tensor(given[0], requires_grad=True)
    values = torch_loss(name, options)(p, *map(torch.tensor, given[1:]))
    spread = torch.tensor(w).reshape(-1, *[1] * (values.ndim - 1)).expand(values.shape)
    total = (values * spread).sum()
    theirs = {"none": values * spread, "sum": total, "mean": total / spread.sum()}[reduction]
    theirs.sum().backward()

    def ours(p):
        return losses[name](p, *given[1:], reduction=reduction, weights=w if weighted else None, **options)

    np.testing.assert_allclose(ours(given[0]), theirs.detach(), rtol=1e-12)
    np.testing.assert_allclose(mp.grad(lambda p: mp.sum(ours(p)))(given[0]), p.grad, rtol=1e-11, atol=1e-15)


def made_of(name, options):
    """What makes predictions of numbers that may be any: the name of a function in both, and its inverse."""
    if name in ("kl_divergence", "ctc"):
        return "log_softmax", lambda p: p
    if not options.get("logarithms", True):
        return "exp", np.log
    return "asarray", lambda p: p


@every_loss_in_time
def test_ten_steps_of_training_agree(name, given, options):
    """The predictions themselves are trained."""
    front, inverse = made_of(name, options)
    p, others = Parameter(inverse(given[0])), given[1:]
    theirs = torch.tensor(p.numpy().copy(), requires_grad=True)
    optimizer, their_optimizer = optim.SGD(0.1, momentum=0.9), torch.optim.SGD([theirs], lr=0.1, momentum=0.9)
    in_torch = {"log_softmax": lambda x: x.log_softmax(-1), "exp": torch.exp, "asarray": lambda x: x}[front]

    for _ in range(10):
        value, gradient = mp.value_and_grad(lambda p: losses[name](getattr(mp, front)(p), *others, **options))(p)
        optimizer.update([p], [gradient])
        their_optimizer.zero_grad()
        loss = torch_loss(name, options)(in_torch(theirs), *map(torch.tensor, others)).mean()
        loss.backward()
        their_optimizer.step()
        np.testing.assert_allclose(value, loss.item(), rtol=1e-10)
    np.testing.assert_allclose(p, theirs.detach(), rtol=1e-9, atol=1e-12)
    assert np.abs(p - inverse(given[0])).max() > 1e-3
