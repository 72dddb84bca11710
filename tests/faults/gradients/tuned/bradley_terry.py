"""Who beats whom: strengths from features, one logistic term per match, gradients as a plain function of lists."""

import numpy as np


def strengths(features, beta, extra):
    return features @ beta + extra


def objective(features, winners, losers, weight, beta, extra):
    s = strengths(features, beta, extra)
    margin = s[winners] - s[losers]
    data = np.sum(weight * np.logaddexp(0, -margin)) / np.sum(weight)
    return data + 0.1 * np.mean(extra**2)


def objective_grad(features, winners, losers, weight, beta, extra):
    s = strengths(features, beta, extra)
    margin = s[winners] - s[losers]
    lose = 1.0 / (1.0 + np.exp(margin))
    dmargin = -weight * lose / np.sum(weight)
    ds = np.zeros(len(s))
    for match, (w, l) in enumerate(zip(winners, losers)):
        ds[w] += dmargin[match]
        ds[l] -= dmargin[match]
    dbeta = features.T @ ds
    dextra = ds + 0.2 * extra / extra.size
    return [dbeta, dextra]


def subject(rng):
    teams, matches = 5, 9
    winners = rng.integers(0, teams, matches)
    losers = (winners + rng.integers(1, teams, matches)) % teams
    args = (
        rng.normal(size=(teams, 3)),
        winners,
        losers,
        rng.random(matches) + 0.5,
        rng.normal(size=3),
        rng.normal(size=teams),
    )
    return objective, objective_grad, args, {"wrt": ["beta", "extra"]}


FAULTS = (
    [("dmargin = -weight * lose / np.sum(weight)", "dmargin = weight * lose / np.sum(weight)", "sign")],
    [("dmargin = -weight * lose / np.sum(weight)", "dmargin = -weight * lose", "missing mean")],
    [("dmargin = -weight * lose / np.sum(weight)", "dmargin = -lose / np.sum(weight)", "missing derivative")],
    [("        ds[l] -= dmargin[match]\n", "", "missing path")],
    [("lose = 1.0 / (1.0 + np.exp(margin))", "lose = 1.0 / (1.0 + np.exp(-margin))", "sign")],
    [("dextra = ds + 0.2 * extra / extra.size", "dextra = ds + 0.2 * extra", "missing mean")],
    [
        ("dextra = ds + 0.2 * extra / extra.size", "dextra = ds", "missing path"),
        ("ds[l] -= dmargin[match]", "ds[l] += dmargin[match]", "sign"),
    ],
)
