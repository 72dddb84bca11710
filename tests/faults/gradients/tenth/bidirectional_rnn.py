"""Two recurrent layers, one for each direction, whose states are added; a score at each step."""

import numpy as np


def run(xs, W, U, b):
    states = [np.zeros(len(b))]
    for x in xs:
        states.append(np.tanh(W @ x + U @ states[-1] + b))
    return states


def back(xs, states, W, U, dstates):
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros(len(U))
    carried = np.zeros(len(U))
    for t in range(len(xs) - 1, -1, -1):
        dh = dstates[t] + carried
        dz = dh * (1 - states[t + 1] ** 2)
        dW += np.outer(dz, xs[t])
        dU += np.outer(dz, states[t])
        db += dz
        carried = U.T @ dz
    return dW, dU, db


def forward(xs, labels, Wf, Uf, bf, Wb, Ub, bb, v):
    ahead = run(xs, Wf, Uf, bf)
    behind = run(xs[::-1], Wb, Ub, bb)
    h = np.array(ahead[1:]) + np.array(behind[:0:-1])
    p = 1 / (1 + np.exp(-(h @ v)))
    loss = -np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    return loss, ahead, behind, h, p


def backward(xs, labels, Wf, Uf, Wb, Ub, v, ahead, behind, h, p):
    dscore = (p - labels) / len(labels)
    dv = h.T @ dscore
    dh = np.outer(dscore, v)
    dWf, dUf, dbf = back(xs, ahead, Wf, Uf, dh)
    dWb, dUb, dbb = back(xs[::-1], behind, Wb, Ub, dh[::-1])
    return {"Wf": dWf, "Uf": dUf, "bf": dbf, "Wb": dWb, "Ub": dUb, "bb": dbb, "v": dv}


def subject(rng):
    def weights():
        return rng.normal(size=(3, 2)), rng.normal(size=(3, 3)), rng.normal(size=3)

    return (
        forward,
        backward,
        (rng.normal(size=(4, 2)), np.array([1.0, 0.0, 0.0, 1.0]), *weights(), *weights(), rng.normal(size=3)),
    )


FAULTS = (
    [("dh = dstates[t] + carried", "dh = dstates[t]", "missing path")],
    [("carried = U.T @ dz", "carried = U @ dz", "transpose")],
    [("carried = U.T @ dz", "carried = np.clip(U.T @ dz, -0.05, 0.05)", "clipped")],
    [("dU += np.outer(dz, states[t])", "dU += np.outer(dz, states[t + 1])", "wrong value")],
    [
        (
            "dz = dh * (1 - states[t + 1] ** 2)",
            "dz = dh * (1 - np.tanh(states[t + 1]) ** 2)",
            "derivative at the output",
        ),
        ("dscore = (p - labels) / len(labels)", "dscore = p - labels", "missing mean"),
    ],
)
