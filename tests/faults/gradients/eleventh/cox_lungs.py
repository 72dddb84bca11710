"""Cox regression for censored survival times by gradient descent."""

import numpy as np

np.random.seed(9)
n = 32
age = np.random.normal(62, 9, n)
karnofsky = np.random.normal(80, 12, n)
loss_kg = np.random.normal(5, 4, n)
X = np.column_stack([age, karnofsky, loss_kg])
X = (X - X.mean(0)) / X.std(0)
hazard = np.exp(X @ np.array([0.5, -0.7, 0.3]))
time = np.random.exponential(1 / hazard)
died = (np.random.rand(n) < 0.75).astype(float)

order = np.argsort(-time)  # longest first, so that a cumulative sum runs over the risk set
X, died = X[order], died[order].reshape(-1, 1)
n_died = died.sum()
beta = np.random.randn(3, 1)
alpha = 0.2


def neg_log_partial_likelihood(beta):
    eta = X @ beta
    log_risk = np.log(np.cumsum(np.exp(eta), axis=0))
    return -np.sum(died * (eta - log_risk)) / n_died


for iteration in range(20):
    nll = neg_log_partial_likelihood(beta)
    if iteration % 5 == 0:
        print(f"{iteration}: {nll:.5f}")
    exp_eta = np.exp(X @ beta)
    risk = np.cumsum(exp_eta, axis=0)
    # every death at or before i's own time has i in its risk set
    weight = np.cumsum((died / risk)[::-1], axis=0)[::-1]
    d_eta = (exp_eta * weight - died) / n_died
    gradient = X.T @ d_eta
    beta = beta - alpha * gradient

print("hazard ratios", np.exp(beta).ravel())

FAULTS = (
    [("d_eta = (exp_eta * weight - died) / n_died", "d_eta = (exp_eta * weight - died.ravel()) / n_died", "broadcast")],
    [("d_eta = (exp_eta * weight - died) / n_died", "d_eta = (weight - died) / n_died", "missing derivative")],
    [("d_eta = (exp_eta * weight - died) / n_died", "d_eta = exp_eta * weight - died", "missing mean")],
    [("beta = beta - alpha * gradient", "beta = beta + alpha * gradient", "climbs")],
)
