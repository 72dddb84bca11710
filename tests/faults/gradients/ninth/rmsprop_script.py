"""Two inputs, one tanh layer, squared error halved; RMSProp with its caches in a dict."""

import numpy as np

rng = np.random.default_rng(5)
x = rng.normal(size=(7, 2))
t = (x[:, 0] * x[:, 1])[:, None]

theta = {
    "w1": rng.normal(size=(2, 5)),
    "b1": np.zeros(5),
    "w2": rng.normal(size=(5, 1)) * 0.5,
    "b2": np.zeros(1),
}
cache = {k: np.zeros_like(v) for k, v in theta.items()}
decay, lr, eps = 0.9, 0.02, 1e-8

for it in range(40):
    a = np.tanh(x @ theta["w1"] + theta["b1"])
    out = a @ theta["w2"] + theta["b2"]
    loss = ((out - t) ** 2).sum() / (2 * len(x))

    grads = {}
    delta = (out - t) / len(x)
    grads["w2"] = a.T @ delta
    grads["b2"] = delta.sum(0)
    delta = (delta @ theta["w2"].T) * (1 - a**2)
    grads["w1"] = x.T @ delta
    grads["b1"] = delta.sum(0)

    for k in theta:
        cache[k] = decay * cache[k] + (1 - decay) * grads[k] ** 2
        theta[k] = theta[k] - lr * grads[k] / (np.sqrt(cache[k]) + eps)
    if it % 10 == 0:
        print(f"{it:3d} {loss:.5f}")

FAULTS = (
    [
        (
            'delta = (delta @ theta["w2"].T) * (1 - a**2)',
            'delta = (delta @ theta["w2"].T) * (1 - np.tanh(a) ** 2)',
            "derivative at the output",
        )
    ],
    [("delta = (out - t) / len(x)", "delta = 2 * (out - t) / len(x)", "factor")],
    [("theta[k] = theta[k] - lr * grads[k]", "theta[k] = theta[k] + lr * grads[k]", "climbs")],
    [
        ("delta = (out - t) / len(x)", "delta = out - t", "missing mean"),
        ('grads["b1"] = delta.sum(0)', 'grads["b1"] = delta', "not summed"),
    ],
    [
        ("delta = (out - t) / len(x)", "delta = 2 * (out - t) / len(x)", "factor"),
        (
            'delta = (delta @ theta["w2"].T) * (1 - a**2)',
            'delta = (delta @ theta["w2"].T) * (1 - a) ** 2',
            "wrong derivative",
        ),
    ],
)
