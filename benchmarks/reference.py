"""The value of every workload in float64; a contestant that disagrees is not timed.

The derivatives stand here as formulas, so that no contestant judges another; those of larger networks are explained in
`reference_networks`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import data, reference_networks
from benchmarks.workloads import Convolution, Epoch, Learning, Product, Rows, Training, Update

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.data import Named
    from benchmarks.workloads import Network, Workload

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""The constants of Adam, the defaults everywhere."""


def value(  # noqa: PLR0911  (a line for each kind)
    workload: Workload, *, early_epsilon: bool = False
) -> tuple[Named, Named]:
    """What the rehearsal of a contestant must give, and what it began with (nothing, where nothing is trained).

    ``early_epsilon`` is Adam as its authors also write it, θ ← θ − α·√(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε): the same
    work, but in the first steps an ε that counts thirty times as much. No contestant is to be called wrong for it.
    """
    match workload:
        case Training():
            x, y = data.batches(workload)
            return _train(
                workload.network, x[: workload.rehearsal], y[: workload.rehearsal], early_epsilon=early_epsilon
            )
        case Epoch():
            x, y = data.digits(workload.batch * workload.rehearsal)
            x, y = x.reshape(workload.rehearsal, workload.batch, -1), y.reshape(workload.rehearsal, -1)
            return _train(workload.network, x, y, early_epsilon=early_epsilon)
        case Learning():
            return reference_networks.learned(workload)
        case Update():
            return _update(workload, early_epsilon=early_epsilon)
        case Rows():
            return _rows(workload), {}
        case Product():
            return _product(workload), {}
        case Convolution():
            return _convolution(workload), {}


def disagreement(found: Named, expected: Named, start: Named) -> tuple[float, str]:
    """How far off the worst array is, and its name.

    Of what is trained, Σ|found − expected| / Σ|expected − start|: the error of what was learnt, and not of the weights,
    which mostly stand where they stood. Adam takes a whole step wherever the gradient has a sign, and a ReLU lets
    through or not, so where rounding decides, a few elements are wholly off; in a sum they weigh as few. Of other
    results, ‖found − expected‖ / ‖expected‖, Euclidean, in which one wrong element of a million still shows.
    A missing array, another shape, or a number that is not finite is infinitely far off.
    """
    if missing := expected.keys() ^ found.keys():
        return math.inf, ", ".join(sorted(missing))
    worst = 0.0, ""
    for name, right in expected.items():
        given = found[name].astype(np.float64)
        if given.shape != right.shape or not np.isfinite(given).all():
            return math.inf, name
        measure = _sum if name in start else _length
        off, whole = measure(given - right), measure(right - start[name] if name in start else right)
        worst = max(worst, (off / whole if whole else (math.inf if off else 0.0), name))
    return worst


def _sum(array: NDArray[Any]) -> float:
    return float(np.sum(np.abs(array)))


def _length(array: NDArray[Any]) -> float:
    return float(np.sqrt(np.sum(np.square(array))))


# ── training ─────────────────────────────────────────────────────────────────────────────────────


def _train(network: Network, x: NDArray[Any], y: NDArray[Any], *, early_epsilon: bool) -> tuple[Named, Named]:
    start = {name: array.astype(np.float64) for name, array in data.weights(network).items()}
    now, adam = start, Adam(network.learning_rate, start, early_epsilon=early_epsilon)
    for rows, labels in zip(x.astype(np.float64), y, strict=True):
        gradients = _gradients(network, now, rows, labels)
        if network.optimizer == "sgd":
            now = {name: now[name] - network.learning_rate * gradients[name] for name in now}
        else:
            now = adam.update(now, gradients)
    return now, start


def _gradients(network: Network, weights: Named, x: NDArray[Any], labels: NDArray[Any]) -> Named:
    """Backpropagation through z = a W + b, a = φ(z), and the cross-entropy of softmax(z) at the end."""
    last, inputs = len(network.sizes) - 2, [x]
    for layer in range(last):
        z = inputs[-1] @ weights[f"weight{layer}"] + weights[f"bias{layer}"]
        inputs.append(np.tanh(z) if network.activation == "tanh" else np.maximum(z, 0))
    z = inputs[-1] @ weights[f"weight{last}"] + weights[f"bias{last}"]
    delta = (_softmax(z) - _one_hot(labels, z.shape[1])) / len(labels)  # ∂L/∂z
    found: Named = {}
    for layer in range(last, -1, -1):
        found[f"weight{layer}"], found[f"bias{layer}"] = inputs[layer].T @ delta, delta.sum(axis=0)
        if layer:
            a = inputs[layer]
            slope = 1 - a**2 if network.activation == "tanh" else a > 0  # φ′(z), by a = φ(z)
            delta = (delta @ weights[f"weight{layer}"].T) * slope
    return found


def _softmax(z: NDArray[Any]) -> NDArray[Any]:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _one_hot(labels: NDArray[Any], classes: int) -> NDArray[Any]:
    return np.eye(classes)[labels]


# ── Adam ─────────────────────────────────────────────────────────────────────────────────────────


class Adam:
    """θ ← θ − α · m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ). Source: Kingma, Ba, 2015."""

    def __init__(self, rate: float, like: Named, *, early_epsilon: bool) -> None:
        self.rate, self.early_epsilon, self.steps = rate, early_epsilon, 0
        self.first = {name: np.zeros_like(array) for name, array in like.items()}
        self.second = {name: np.zeros_like(array) for name, array in like.items()}

    def update(self, now: Named, gradients: Named) -> Named:
        """The parameters after one more step."""
        self.steps += 1
        weight1, weight2 = 1 - BETA1**self.steps, 1 - BETA2**self.steps
        epsilon = EPSILON / math.sqrt(weight2) if self.early_epsilon else EPSILON
        new: Named = {}
        for name, g in gradients.items():
            self.first[name] = BETA1 * self.first[name] + (1 - BETA1) * g
            self.second[name] = BETA2 * self.second[name] + (1 - BETA2) * g**2
            step = self.first[name] / weight1 / (np.sqrt(self.second[name] / weight2) + epsilon)
            new[name] = now[name] - self.rate * step
        return new


def _update(workload: Update, *, early_epsilon: bool) -> tuple[Named, Named]:
    parameters, gradients = data.update(workload)
    now: Named = {}
    for name in parameters:  # one after another: in float64 all together would take a gigabyte
        one, g = {name: parameters[name].astype(np.float64)}, {name: gradients[name].astype(np.float64)}
        adam = Adam(workload.learning_rate, one, early_epsilon=early_epsilon)
        for _ in range(workload.rehearsal):
            one = adam.update(one, g)
        now |= one
    return now, {name: array.astype(np.float64) for name, array in parameters.items()}


erf = np.vectorize(math.erf, otypes=[np.float64])

# ── without state ────────────────────────────────────────────────────────────────────────────────


def _rows(workload: Rows) -> Named:
    """Names: loss, x, gamma, beta (the gradients for them)."""
    x, gamma, beta, labels = data.rows(workload)
    x, gamma, beta = x.astype(np.float64), gamma.astype(np.float64), beta.astype(np.float64)
    deviation = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    n = (x - x.mean(axis=1, keepdims=True)) / deviation
    u = n * gamma + beta
    distribution = 0.5 * (1 + erf(u / math.sqrt(2)))  # Φ(u)
    z = u * distribution
    p = _softmax(z)
    at = np.arange(len(labels)), labels
    du = (p - _one_hot(labels, workload.columns)) / len(labels)
    du *= distribution + u * np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi)  # gelu′ = Φ + u·φ
    dn = du * gamma
    dx = (dn - dn.mean(axis=1, keepdims=True) - n * (dn * n).mean(axis=1, keepdims=True)) / deviation
    loss = -np.log(p[at]).mean()
    return {"loss": np.asarray(loss), "x": dx, "gamma": (du * n).sum(axis=0), "beta": du.sum(axis=0)}


def _product(workload: Product) -> Named:
    first, second = (factor.astype(np.float64) for factor in data.product(workload))
    return {"product": (first.T if workload.turned == "first" else first)
            @ (second.T if workload.turned == "second" else second)}  # fmt: skip


def _convolution(workload: Convolution) -> Named:
    """The sum over the nine places of (shifted images) W; the gradients are sums over the same nine places."""
    images, weights, cotangent = (array.astype(np.float64) for array in data.convolution(workload))
    size = workload.size
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    places = [(i, j, np.s_[:, i : i + size, j : j + size]) for i in range(3) for j in range(3)]
    found: Named = {"y": sum((padded[place] @ weights[i, j] for i, j, place in places), np.zeros(()))}
    if workload.gradients:
        for_images, for_weights = np.zeros_like(padded), np.zeros_like(weights)
        for i, j, place in places:
            for_images[place] += cotangent @ weights[i, j].T
            for_weights[i, j] = np.tensordot(padded[place], cotangent, axes=([0, 1, 2], [0, 1, 2]))
        found |= {"images": for_images[:, 1:-1, 1:-1], "weights": for_weights}
    return found
