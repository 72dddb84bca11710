"""A network of two layers that learns (1, 2) ↦ 1, (3, 4) ↦ 2, (5, 6) ↦ 3, and one that never can.

The article 一切皆是映射：深度学习中的反向传播和梯度下降 ends its network with a sigmoid and
prints 1, 1, 1 as a success. Such a network can do no better: σ(z) lies in (0, 1), so 2 and 3 are out of reach, and the
mean squared error stays above ((1 − 1)² + (2 − 1)² + (3 − 1)²) / 3 = 5/3. Without that sigmoid every number can be met.
"""

import maplet as mp
from maplet import nn, optim

X, Y = mp.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), mp.asarray([[1.0], [2.0], [3.0]])


def train(net, tolerance=1e-5, most=600):
    """Descend until the loss is within the tolerance, or patience ends; → the loss."""
    optimizer = optim.SGD(0.05, momentum=0.9)
    for _ in range(most):
        loss, gradients = mp.value_and_grad(lambda net: nn.mse(net(X), Y))(net)
        if float(loss) < tolerance:
            break
        optimizer.update(net, gradients)
    return float(loss)


def main():
    """Train both; → the good network, its predictions, its loss, the loss of the other."""
    good = nn.Sequential(nn.Linear(2, 3, rng=1), nn.Sigmoid(), nn.Linear(3, 1, rng=2))
    bounded = nn.Sequential(nn.Linear(2, 3, rng=1), nn.Sigmoid(), nn.Linear(3, 1, rng=2), nn.Sigmoid())
    loss, bounded_loss = train(good), train(bounded)
    print("a number at the end: ", good(X).numpy().ravel(), f"error {loss:.1e}")
    print("a sigmoid at the end:", bounded(X).numpy().ravel(), f"error {bounded_loss:.4f}, never below 5/3")
    return good, good(X), loss, bounded_loss


if __name__ == "__main__":
    main()
