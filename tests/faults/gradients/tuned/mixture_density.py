"""A mixture density network: a hidden layer gives weights, centres and widths of Gaussians in one output."""

import numpy as np


def log_sum_exp(a):
    top = a.max(axis=1, keepdims=True)
    return top + np.log(np.exp(a - top).sum(axis=1, keepdims=True))


def nll(params, x, t):
    h = np.tanh(x @ params["W"] + params["c"])
    a = h @ params["A"]
    mu = h @ params["M"]
    s = h @ params["S"]
    log_pi = a - log_sum_exp(a)
    log_normal = -0.5 * ((t[:, None] - mu) * np.exp(-s)) ** 2 - s - 0.5 * np.log(2 * np.pi)
    joint = log_pi + log_normal
    total = log_sum_exp(joint)
    cache = {"h": h, "pi": np.exp(log_pi), "mu": mu, "s": s, "resp": np.exp(joint - total)}
    return -total.mean(), cache


def nll_grad(params, x, t, cache):
    n = x.shape[0]
    h, resp = cache["h"], cache["resp"]
    z = (t[:, None] - cache["mu"]) * np.exp(-cache["s"])
    da = (cache["pi"] - resp) / n
    dmu = -resp * z * np.exp(-cache["s"]) / n
    ds = resp * (1 - z**2) / n
    dh = da @ params["A"].T + dmu @ params["M"].T + ds @ params["S"].T
    dpre = dh * (1 - h * h)
    return {
        "W": x.T @ dpre,
        "c": dpre.sum(axis=0),
        "A": h.T @ da,
        "M": h.T @ dmu,
        "S": h.T @ ds,
    }


def subject(rng):
    k, d = 3, 6
    params = {
        "W": rng.normal(size=(2, d)),
        "c": rng.normal(size=d),
        "A": rng.normal(size=(d, k)),
        "M": rng.normal(size=(d, k)),
        "S": 0.3 * rng.normal(size=(d, k)),
    }
    return nll, nll_grad, (params, rng.normal(size=(8, 2)), rng.normal(size=8))


FAULTS = (
    [('da = (cache["pi"] - resp) / n', 'da = (resp - cache["pi"]) / n', "sign")],
    [("ds = resp * (1 - z**2) / n", "ds = resp * (1 - z**2)", "missing mean")],
    [('dmu = -resp * z * np.exp(-cache["s"]) / n', "dmu = -resp * z / n", "missing derivative")],
    [('dmu @ params["M"].T + ds @ params["S"].T', 'dmu @ params["M"].T', "missing path")],
    [("dpre = dh * (1 - h * h)", "dpre = dh * (1 - h)", "wrong derivative")],
    [('"M": h.T @ dmu', '"M": h.T @ ds', "wrong value")],
    [
        ('da = (cache["pi"] - resp) / n', 'da = (resp - cache["pi"]) / n', "sign"),
        ('"c": dpre.sum(axis=0)', '"c": dpre.mean(axis=0)', "extra mean"),
    ],
)
