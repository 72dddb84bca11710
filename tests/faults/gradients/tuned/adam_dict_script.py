"""A script: Adam over a dict of parameters, with a function for each half of the pass, softmax and integer labels."""

import numpy as np

rng = np.random.default_rng(42)
inputs = rng.standard_normal((10, 4))
labels = rng.integers(0, 3, size=10)

params = {
    "W1": rng.standard_normal((4, 6)) * 0.4,
    "b1": np.zeros(6),
    "W2": rng.standard_normal((6, 3)) * 0.4,
    "b2": np.zeros(3),
}
first = {key: np.zeros_like(value) for key, value in params.items()}
second = {key: np.zeros_like(value) for key, value in params.items()}


def forward(x):
    hidden = np.tanh(x @ params["W1"] + params["b1"])
    logits = hidden @ params["W2"] + params["b2"]
    logits = logits - logits.max(axis=1, keepdims=True)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return hidden, probabilities


def backward(x, hidden, probabilities, y):
    grads = {}
    d_logits = probabilities.copy()
    d_logits[np.arange(len(y)), y] -= 1.0
    d_logits /= len(y)
    grads["W2"] = hidden.T @ d_logits
    grads["b2"] = d_logits.sum(axis=0)
    d_hidden = d_logits @ params["W2"].T
    d_pre = d_hidden * (1.0 - hidden**2)
    grads["W1"] = x.T @ d_pre
    grads["b1"] = d_pre.sum(axis=0)
    return grads


def adam(grads, t, lr=0.01, b1=0.9, b2=0.999):
    for key in params:
        first[key] = b1 * first[key] + (1 - b1) * grads[key]
        second[key] = b2 * second[key] + (1 - b2) * grads[key] ** 2
        corrected = first[key] / (1 - b1**t)
        size = np.sqrt(second[key] / (1 - b2**t)) + 1e-8
        params[key] = params[key] - lr * corrected / size


for t in range(1, 101):
    hidden, probabilities = forward(inputs)
    loss = -np.log(probabilities[np.arange(10), labels]).mean()
    adam(backward(inputs, hidden, probabilities, labels), t)
    if t % 10 == 0:
        print(f"{t:4d} {loss:.4f}")

FAULTS = (
    [("    d_logits /= len(y)\n", "", "missing mean")],
    [("d_pre = d_hidden * (1.0 - hidden**2)", "d_pre = d_hidden * (1.0 - hidden)", "wrong derivative")],
    [("params[key] = params[key] - lr", "params[key] = params[key] + lr", "climbs")],
    [('grads["b1"] = d_pre.sum(axis=0)', 'grads["b1"] = d_pre.mean(axis=0)', "extra mean")],
)
