"""Logistic regression on four points, by gradient descent that stops when it has arrived.

The article 一切皆是映射：深度学习中的反向传播和梯度下降 stops after 1,000 steps, wherever it is
by then. "Until convergence" means until the gradient vanishes, and on these points it never would: a line separates the
classes, so larger weights always fit better. A little weight decay, ½λ‖w‖², makes a minimum exist.
"""

import maplet as mp
from maplet import nn

POINTS = mp.asarray([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [4.0, 8.0]])
LABELS = mp.asarray([0.0, 0.0, 1.0, 1.0])
DECAY, LEARNING_RATE, TOLERANCE = 0.01, 0.5, 1e-4


def logits(theta):
    """The score of class 1. Centred points make the valley rounder, so that descent is shorter."""
    return (POINTS - mp.mean(POINTS, axis=0)) @ theta["w"] + theta["b"]


def loss(theta):
    """J(θ): the cross-entropy of σ(scores), and the decay."""
    return nn.binary_cross_entropy(logits(theta), LABELS) + DECAY / 2 * mp.sum(theta["w"] ** 2)


def main():
    """Descend; → probabilities of class 1, number of steps, length of the last gradient."""
    theta, steps, length = {"w": mp.zeros((2,)), "b": mp.zeros(())}, 0, float("inf")
    while length > TOLERANCE:
        value, gradient = mp.value_and_grad(loss)(theta)
        theta = {name: theta[name] - LEARNING_RATE * gradient[name] for name in theta}  # θ ↦ θ − α ∇J(θ)
        steps, length = steps + 1, float(mp.sqrt(mp.sum(gradient["w"] ** 2) + gradient["b"] ** 2))
    probabilities = mp.sigmoid(logits(theta))
    print(f"{steps} steps: J = {float(value):.6f}, ‖∇J‖ = {length:.1e}, w = {theta['w']}, P(1) = {probabilities}")
    return probabilities, steps, length


if __name__ == "__main__":
    main()
