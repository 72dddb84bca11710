"""A convolution over a signal, one tap after the other, relu, the largest value over time and a sigmoid."""

import numpy as np


def model_loss(params, signal, label):
    K, b, w, c = params["K"], params["b"], params["w"], params["c"]
    taps, length = K.shape[0], signal.shape[1] - K.shape[0] + 1
    pre = np.zeros((signal.shape[0], length, K.shape[2]))
    for i in range(taps):
        pre += signal[:, i : i + length, :] @ K[i]
    pre += b
    act = np.maximum(pre, 0.0)
    top = act.max(axis=1)
    prob = 1 / (1 + np.exp(-(top @ w + c)))
    loss = -(label * np.log(prob) + (1 - label) * np.log(1 - prob)).mean()
    return loss, {"pre": pre, "act": act, "top": top, "prob": prob}


def model_grads(params, signal, label, cache):
    K, w = params["K"], params["w"]
    taps, length = K.shape[0], cache["pre"].shape[1]
    dscore = (cache["prob"] - label) / label.size
    grads = {"w": cache["top"].T @ dscore, "c": dscore.sum(keepdims=True)}
    dtop = np.outer(dscore, w)
    winner = cache["act"] == cache["top"][:, None, :]
    dact = winner * dtop[:, None, :]
    dpre = dact * (cache["pre"] > 0)
    grads["K"] = np.zeros_like(K)
    for i in range(taps):
        grads["K"][i] = np.einsum("ntc,ntf->cf", signal[:, i : i + length, :], dpre)
    grads["b"] = dpre.sum(axis=(0, 1))
    return grads


def subject(rng):
    params = {
        "K": rng.normal(size=(3, 2, 4)),
        "b": rng.normal(size=4),
        "w": rng.normal(size=4),
        "c": rng.normal(size=1),
    }
    return model_loss, model_grads, (params, rng.normal(size=(7, 8, 2)), rng.integers(0, 2, 7).astype(float))


FAULTS = (
    [('dscore = (cache["prob"] - label) / label.size', 'dscore = cache["prob"] - label', "missing mean")],
    [
        (
            'dscore = (cache["prob"] - label) / label.size',
            'dscore = (cache["prob"] - label) * cache["prob"] * (1 - cache["prob"]) / label.size',
            "output derivative twice",
        )
    ],
    [
        (
            "dact = winner * dtop[:, None, :]",
            'dact = np.ones_like(cache["act"]) * dtop[:, None, :]',
            "missing derivative",
        )
    ],
    [
        (
            "dact = winner * dtop[:, None, :]",
            'dact = np.ones_like(cache["act"]) * dtop[:, None, :] / length',
            "wrong derivative",
        )
    ],
    [('grads["b"] = dpre.sum(axis=(0, 1))', 'grads["b"] = dpre.sum(axis=0).mean(axis=0)', "extra mean")],
    [('grads["b"] = dpre.sum(axis=(0, 1))', 'grads["b"] = dpre[0].sum(axis=0)', "not summed")],
    [('grads["K"][i] = np.einsum', 'grads["K"][taps - 1 - i] = np.einsum', "wrong value")],
    [
        ('dscore = (cache["prob"] - label) / label.size', 'dscore = (label - cache["prob"]) / label.size', "sign"),
        ('"c": dscore.sum(keepdims=True)', '"c": dscore', "not summed"),
    ],
)
