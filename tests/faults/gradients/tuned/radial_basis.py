"""A radial basis network: distances to centres, widths, a linear readout, samples one by one."""

import numpy as np


def predict(x, centers, log_width, coef):
    phi = np.zeros((len(x), len(centers)))
    for j in range(len(centers)):
        r2 = np.sum((x - centers[j]) ** 2, axis=1)
        phi[:, j] = np.exp(-r2 / (2 * np.exp(2 * log_width[j])))
    return phi @ coef, phi


def cost(x, y, centers, log_width, coef):
    out, _ = predict(x, centers, log_width, coef)
    J = np.sum((out - y) ** 2) / (2 * len(y))
    return J


def cost_grad(x, y, centers, log_width, coef):
    out, phi = predict(x, centers, log_width, coef)
    err = (out - y) / len(y)
    g_coef = phi.T @ err
    g_centers = np.zeros(centers.shape)
    g_width = np.zeros(log_width.shape)
    for j in range(len(centers)):
        d_phi = err * coef[j]
        diff = x - centers[j]
        inv = np.exp(-2 * log_width[j])
        g_centers[j] = (d_phi * phi[:, j]) @ diff * inv
        g_width[j] = np.sum(d_phi * phi[:, j] * np.sum(diff**2, axis=1)) * inv
    return {"centers": g_centers, "log_width": g_width, "coef": g_coef}


def subject(rng):
    args = (
        rng.normal(size=(8, 2)),
        rng.normal(size=8),
        rng.normal(size=(3, 2)),
        0.4 * rng.normal(size=3),
        rng.normal(size=3),
    )
    return cost, cost_grad, args


FAULTS = (
    [("err = (out - y) / len(y)", "err = (y - out) / len(y)", "sign")],
    [("d_phi = err * coef[j]", "d_phi = err", "missing derivative")],
    [
        (
            "g_centers[j] = (d_phi * phi[:, j]) @ diff * inv",
            "g_centers[j] = (d_phi * phi[:, j]) @ diff",
            "missing derivative",
        )
    ],
    [("diff = x - centers[j]", "diff = centers[j] - x", "sign")],
    [("g_width[j] = np.sum(d_phi * phi[:, j] *", "g_width[j] = np.sum(d_phi *", "missing derivative")],
    [("inv = np.exp(-2 * log_width[j])", "inv = np.exp(-log_width[j])", "wrong derivative")],
    [
        ("g_coef = phi.T @ err", "g_coef = 2 * phi.T @ err", "factor"),
        ("g_width[j] = np.sum(", "g_width[j] = np.mean(", "extra mean"),
    ],
)
