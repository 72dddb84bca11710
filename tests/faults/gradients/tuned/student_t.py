"""Robust regression: errors with heavy tails whose scale is learned, features through one sine layer."""

import numpy as np


def neg_log_likelihood(x, y, omega, phase, beta, log_scale, nu=4.0):
    phi = np.sin(np.outer(x, omega) + phase)
    resid = (y - np.dot(phi, beta)) / np.exp(log_scale)
    terms = 0.5 * (nu + 1) * np.log(1 + resid**2 / nu)
    return np.sum(terms) + len(y) * log_scale


def score(x, y, omega, phase, beta, log_scale, nu=4.0):
    angle = np.outer(x, omega) + phase
    phi = np.sin(angle)
    resid = (y - np.dot(phi, beta)) / np.exp(log_scale)
    d_resid = (nu + 1) * resid / (nu + resid**2)
    d_pred = -d_resid / np.exp(log_scale)
    d_scale = len(y) - np.sum(d_resid * resid)
    d_beta = np.dot(phi.T, d_pred)
    d_angle = np.outer(d_pred, beta) * np.cos(angle)
    d_omega = np.dot(d_angle.T, x)
    d_phase = d_angle.sum(axis=0)
    return {"omega": d_omega, "phase": d_phase, "beta": d_beta, "log_scale": d_scale}


def subject(rng):
    args = (
        rng.normal(size=9),
        rng.normal(size=9),
        rng.normal(size=4),
        rng.normal(size=4),
        rng.normal(size=4),
        np.array(0.2),
    )
    return neg_log_likelihood, score, args


FAULTS = (
    [("d_pred = -d_resid / np.exp(log_scale)", "d_pred = d_resid / np.exp(log_scale)", "sign")],
    [("d_pred = -d_resid / np.exp(log_scale)", "d_pred = -d_resid", "missing derivative")],
    [("d_scale = len(y) - np.sum(d_resid * resid)", "d_scale = -np.sum(d_resid * resid)", "missing path")],
    [("np.outer(d_pred, beta) * np.cos(angle)", "np.outer(d_pred, beta) * phi", "wrong derivative")],
    [("np.outer(d_pred, beta) * np.cos(angle)", "np.outer(d_pred, beta) * np.cos(phi)", "derivative at the output")],
    [("d_phase = d_angle.sum(axis=0)", "d_phase = d_angle.mean(axis=0)", "extra mean")],
    [
        (
            "d_resid = (nu + 1) * resid / (nu + resid**2)",
            "d_resid = (nu + 1) * resid / (1 + resid**2)",
            "wrong derivative",
        )
    ],
    [
        ("d_scale = len(y) - np.sum(d_resid * resid)", "d_scale = len(y) + np.sum(d_resid * resid)", "sign"),
        ("np.outer(d_pred, beta) * np.cos(angle)", "np.outer(d_pred, beta)", "missing derivative"),
    ],
)
