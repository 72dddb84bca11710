"""Learned Fourier features: frequencies and phases under a cosine, a ridge on the amplitudes."""

import numpy as np


class FourierRegression:
    def __init__(self, rng, dim, n_features, lam):
        self.Omega = rng.normal(size=(dim, n_features))
        self.phase = rng.uniform(0, 2 * np.pi, n_features)
        self.amp = rng.normal(size=n_features)
        self.lam = lam

    def objective(self, X, y):
        self.X = X
        self.arg = X @ self.Omega + self.phase
        self.feat = np.cos(self.arg)
        self.res = self.feat @ self.amp - y
        return 0.5 * np.mean(self.res**2) + 0.5 * self.lam * np.sum(self.amp**2)

    def gradient(self):
        d_out = self.res / len(self.res)
        d_amp = self.feat.T @ d_out + self.lam * self.amp
        d_feat = np.outer(d_out, self.amp)
        d_arg = -d_feat * np.sin(self.arg)
        d_Omega = self.X.T @ d_arg
        d_phase = d_arg.sum(axis=0)
        return {"Omega": d_Omega, "phase": d_phase, "amp": d_amp}


def subject(rng):
    model = FourierRegression(rng, 3, 5, 0.4)
    return model.objective, model.gradient, (rng.normal(size=(7, 3)), rng.normal(size=7))


FAULTS = (
    [("d_phase = d_arg.sum(axis=0)", "d_phase = d_arg", "not summed")],
    [("d_arg = -d_feat * np.sin(self.arg)", "d_arg = d_feat * np.sin(self.arg)", "sign")],
    [("d_arg = -d_feat * np.sin(self.arg)", "d_arg = -d_feat * np.sin(self.feat)", "derivative at the output")],
    [
        ("d_amp = self.feat.T @ d_out + self.lam * self.amp", "d_amp = self.feat.T @ d_out", "missing path"),
        ("d_out = self.res / len(self.res)", "d_out = self.res", "missing mean"),
    ],
)
