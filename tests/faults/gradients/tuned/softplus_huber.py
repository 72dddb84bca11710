"""A hidden layer of softplus under the Huber loss."""

import numpy as np


def predict(x, V, c, w, d):
    pre = x @ V + c
    hidden = np.log1p(np.exp(pre))
    return pre, hidden, hidden @ w + d


def objective(x, y, V, c, w, d):
    _, _, guess = predict(x, V, c, w, d)
    r = guess - y
    return np.mean(np.where(np.abs(r) <= 1.0, 0.5 * r**2, np.abs(r) - 0.5))


def objective_gradient(x, y, V, c, w, d):
    pre, hidden, guess = predict(x, V, c, w, d)
    r = guess - y
    dguess = np.where(np.abs(r) <= 1.0, r, np.sign(r)) / len(r)
    dw = hidden.T @ dguess
    dd = dguess.sum()
    dhidden = np.outer(dguess, w)
    dpre = dhidden / (1 + np.exp(-pre))
    return {"V": x.T @ dpre, "c": dpre.sum(0), "w": dw, "d": dd}


def subject(rng):
    return (
        objective,
        objective_gradient,
        (
            rng.normal(size=(9, 3)),
            3 * rng.normal(size=9),
            rng.normal(size=(3, 5)),
            rng.normal(size=5),
            rng.normal(size=5),
            0.1,
        ),
    )


FAULTS = (
    [("dpre = dhidden / (1 + np.exp(-pre))", "dpre = dhidden", "missing derivative")],
    [("dpre = dhidden / (1 + np.exp(-pre))", "dpre = dhidden / (1 + np.exp(-hidden))", "derivative at the output")],
    [("dpre = dhidden / (1 + np.exp(-pre))", "dpre = dhidden * (pre > 0)", "wrong derivative")],
    [("np.sign(r)) / len(r)", "np.sign(r))", "missing mean")],
    [("dd = dguess.sum()", "dd = dguess.mean()", "extra mean")],
    [
        ("dd = dguess.sum()", "dd = dguess.mean()", "extra mean"),
        ("dpre = dhidden / (1 + np.exp(-pre))", "dpre = dhidden", "missing derivative"),
    ],
)
