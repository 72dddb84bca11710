"""Radial basis functions whose centres and widths are learnt along with the weights."""

import numpy as np

rs = np.random.RandomState(6)
N, K = 30, 5
pts = rs.uniform(-2, 2, (N, 2))
vals = np.sin(pts[:, 0]) * np.cos(pts[:, 1])

centres = rs.uniform(-2, 2, (K, 2))
beta = np.full(K, 0.8)
wt = rs.randn(K)
off = 0.0
rate_w, rate_c, rate_b = 0.2, 0.2, 0.1


def distances(centres):
    return pts[:, None, :] - centres[None, :, :]


mse_curve = []
for sweep in range(25):
    diff = distances(centres)  # N x K x 2
    d2 = (diff**2).sum(axis=2)
    phi = np.exp(-beta * d2)
    out = phi @ wt + off
    mse = np.mean((out - vals) ** 2)
    mse_curve.append(mse)

    e = 2 * (out - vals) / N
    g_wt = phi.T @ e
    g_off = e.sum()
    g_phi = np.outer(e, wt)
    wt = wt - rate_w * g_wt
    off = off - rate_w * g_off

    g_exp = g_phi * phi
    g_beta = -(g_exp * d2).sum(axis=0)
    g_d2 = -g_exp * beta
    g_centres = (-2 * g_d2[:, :, None] * diff).sum(axis=0)

    beta = beta - rate_b * g_beta
    centres = centres - rate_c * g_centres

print(mse_curve[0], mse_curve[-1])

FAULTS = (
    [("g_exp = g_phi * phi", "g_exp = g_phi", "missing derivative")],
    [
        (
            "    g_phi = np.outer(e, wt)\n    wt = wt - rate_w * g_wt\n",
            "    wt = wt - rate_w * g_wt\n    g_phi = np.outer(e, wt)\n",
            "stale weights",
        )
    ],
    [("g_beta = -(g_exp * d2).sum(axis=0)", "g_beta = -(g_exp * d2)", "not summed")],
    [
        (
            "g_centres = (-2 * g_d2[:, :, None] * diff).sum(axis=0)",
            "g_centres = (-g_d2[:, :, None] * diff).sum(axis=0)",
            "factor",
        )
    ],
    [("g_d2 = -g_exp * beta", "g_d2 = g_exp * beta", "sign"), ("g_off = e.sum()", "g_off = e.mean()", "extra mean")],
)
