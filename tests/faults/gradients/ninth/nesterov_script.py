"""A regression with a softplus layer, trained with Nesterov's momentum in the form for the shifted parameters."""

import numpy as np


def softplus(z):
    return np.log1p(np.exp(z))


def main():
    rng = np.random.default_rng(9)
    X = rng.normal(size=(9, 3))
    y = X[:, 0] ** 2 - X[:, 2]

    A = rng.normal(size=(3, 4)) * 0.7
    a = np.zeros(4)
    u = rng.normal(size=4) * 0.7
    u0 = 0.0
    vA, va, vu, vu0 = np.zeros_like(A), np.zeros_like(a), np.zeros_like(u), 0.0
    lr, mu = 0.01, 0.8

    for i in range(30):
        Z = X @ A + a
        S = softplus(Z)
        f = S @ u + u0
        err = f - y
        loss = np.mean(err**2)

        df = 2 * err / len(y)
        du = S.T @ df
        du0 = df.sum()
        dZ = np.outer(df, u) / (1 + np.exp(-Z))
        dA = X.T @ dZ
        da = dZ.sum(axis=0)

        vA_prev, va_prev, vu_prev, vu0_prev = vA, va, vu, vu0
        vA = mu * vA - lr * dA
        va = mu * va - lr * da
        vu = mu * vu - lr * du
        vu0 = mu * vu0 - lr * du0
        A = A - mu * vA_prev + (1 + mu) * vA
        a = a - mu * va_prev + (1 + mu) * va
        u = u - mu * vu_prev + (1 + mu) * vu
        u0 = u0 - mu * vu0_prev + (1 + mu) * vu0
        if i % 10 == 0:
            print(i, loss)


main()

FAULTS = (
    [
        (
            "dZ = np.outer(df, u) / (1 + np.exp(-Z))",
            "dZ = np.outer(df, u) / (1 + np.exp(-S))",
            "derivative at the output",
        )
    ],
    [("df = 2 * err / len(y)", "df = err / len(y)", "factor")],
    [
        ("dZ = np.outer(df, u) / (1 + np.exp(-Z))", "dZ = np.outer(df, u)", "missing derivative"),
        ("du0 = df.sum()", "du0 = -df.sum()", "sign"),
    ],
)
