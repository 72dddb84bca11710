"""Counts of claims with their exposure: Poisson regression, the likelihood climbed by its gradient."""

import numpy as np

rng = np.random.default_rng(77)
n = 50
driver_age = rng.uniform(18, 75, n)
km = rng.uniform(3, 30, n)
exposure = rng.uniform(0.2, 1.0, n).reshape(n, 1)
Z = np.column_stack([(driver_age - 45) / 15, (km - 15) / 8])
true_rate = np.exp(0.4 - 0.5 * Z[:, [0]] + 0.3 * Z[:, [1]])
claims = rng.poisson(exposure * true_rate).astype(float)

coef = 0.3 * rng.normal(size=(2, 1))
intercept = 0.2
ridge = 0.05
lr = 0.05


def log_likelihood(coef, intercept):
    eta = Z @ coef + intercept + np.log(exposure)
    return np.mean(claims * eta - np.exp(eta)) - 0.5 * ridge * np.sum(coef**2)


log_liks = []
for step in range(30):
    log_liks.append(log_likelihood(coef, intercept))
    expected = exposure * np.exp(Z @ coef + intercept)
    residual = (claims - expected) / n
    d_coef = Z.T @ residual - ridge * coef
    d_intercept = residual.sum()
    coef = coef + lr * d_coef
    intercept = intercept + lr * d_intercept

print("log-likelihood per policy", log_liks[0], "->", log_liks[-1])
print(coef.ravel(), intercept)

FAULTS = (
    [("residual = (claims - expected) / n", "residual = (claims.ravel() - expected) / n", "broadcast")],
    [("intercept = intercept + lr * d_intercept", "intercept = intercept - lr * d_intercept", "climbs")],
    [("residual = (claims - expected) / n", "residual = (claims / exposure - expected) / n", "wrong target")],
    [
        ("d_coef = Z.T @ residual - ridge * coef", "d_coef = Z.T @ residual + ridge * coef", "sign"),
        ("d_intercept = residual.sum()", "d_intercept = residual.sum() - ridge * intercept", "extra path"),
    ],
)
