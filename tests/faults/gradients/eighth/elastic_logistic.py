"""Multinomial logistic regression with an elastic net, the features in rows and the bias not penalized."""

import numpy as np


class ElasticSoftmax:
    def __init__(self, rng, n_features, n_classes, l1=0.2, l2=0.5):
        self.coef = rng.normal(size=(n_features, n_classes))
        self.intercept = rng.normal(size=(1, n_classes))
        self.l1, self.l2 = l1, l2

    def objective(self, X, y):
        z = X @ self.coef + self.intercept
        z -= z.max(axis=1, keepdims=True)
        log_norm = np.log(np.exp(z).sum(axis=1))
        self.X, self.y = X, y
        self.probabilities = np.exp(z - log_norm[:, None])
        fit = (log_norm - z[np.arange(len(y)), y]).mean()
        return fit + self.l1 * np.abs(self.coef).sum() + self.l2 * (self.coef**2).sum()

    def gradient(self):
        Y = np.eye(self.coef.shape[1])[self.y]
        residual = (self.probabilities - Y) / len(Y)
        self.grad_coef = self.X.T @ residual + self.l1 * np.sign(self.coef) + 2 * self.l2 * self.coef
        self.grad_intercept = residual.sum(axis=0, keepdims=True)
        return self.grad_coef, self.grad_intercept


def subject(rng):
    model = ElasticSoftmax(rng, 4, 3)
    return (
        model.objective,
        model.gradient,
        (rng.normal(size=(7, 4)), rng.integers(0, 3, 7)),
        {"wrt": ("coef", "intercept")},
    )


FAULTS = (
    [("self.l1 * np.sign(self.coef)", "self.l1 * np.abs(self.coef)", "wrong derivative")],
    [("Y = np.eye(self.coef.shape[1])[self.y]", "Y = 2 * np.eye(self.coef.shape[1])[self.y] - 1", "wrong target")],
    [
        ("residual = (self.probabilities - Y) / len(Y)", "residual = self.probabilities - Y", "missing mean"),
        ("2 * self.l2 * self.coef", "self.l2 * self.coef", "factor"),
    ],
    [
        (
            "residual.sum(axis=0, keepdims=True)",
            "residual.sum(axis=0, keepdims=True) + 2 * self.l2 * self.intercept",
            "extra path",
        ),
    ],
)
