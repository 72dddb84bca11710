"""One trunk with a classification and a regression head, whose losses are added."""

import numpy as np


def softmax(s):
    e = np.exp(s - s.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def total(x, classes, values, T, C, R):
    h = np.tanh(x @ T)
    probabilities = softmax(h @ C)
    guess = h @ R
    n = len(x)
    cross = -np.log(probabilities[range(n), classes]).mean()
    square = ((guess - values) ** 2).mean()
    return cross + 0.3 * square, h, probabilities, guess


def total_back(x, classes, values, T, C, R, h, probabilities, guess):
    n = len(x)
    one_hot = np.eye(C.shape[1])[classes]
    d_scores = (probabilities - one_hot) / n
    d_guess = 0.3 * 2 * (guess - values) / n
    d_C = h.T @ d_scores
    d_R = h.T @ d_guess
    d_h = d_scores @ C.T + np.outer(d_guess, R)
    d_T = x.T @ (d_h * (1 - h * h))
    return {"T": d_T, "C": d_C, "R": d_R}


def subject(rng):
    return (
        total,
        total_back,
        (
            rng.normal(size=(8, 3)),
            rng.integers(0, 5, 8),
            rng.normal(size=8),
            rng.normal(size=(3, 4)),
            rng.normal(size=(4, 5)),
            rng.normal(size=4),
        ),
    )


FAULTS = (
    [("d_h = d_scores @ C.T + np.outer(d_guess, R)", "d_h = d_scores @ C.T", "missing path")],
    [("d_guess = 0.3 * 2 * (guess - values) / n", "d_guess = 2 * (guess - values) / n", "factor")],
    [("d_guess = 0.3 * 2 * (guess - values) / n", "d_guess = 0.3 * 2 * (values - guess) / n", "sign")],
    [("(d_h * (1 - h * h))", "d_h", "missing derivative")],
    [("d_scores = (probabilities - one_hot) / n", "d_scores = probabilities - one_hot", "missing mean")],
    [("one_hot = np.eye(C.shape[1])[classes]", "one_hot = np.eye(C.shape[1])[classes - 1]", "wrong target")],
    [
        ("d_guess = 0.3 * 2 * (guess - values) / n", "d_guess = 0.3 * 2 * (values - guess) / n", "sign"),
        ("d_scores = (probabilities - one_hot) / n", "d_scores = probabilities - one_hot", "missing mean"),
    ],
)
