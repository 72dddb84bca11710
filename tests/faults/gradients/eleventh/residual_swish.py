"""A residual block with layer normalisation and swish before the last layer; plain SGD by hand."""

import numpy as np

R = np.random.RandomState(55)
N, D, C = 30, 6, 3
labels = np.repeat(np.arange(C), N // C)
feats = R.randn(N, D) + 1.5 * np.eye(C, D)[labels]

net = {
    "g": 1 + 0.1 * R.randn(D),
    "s": 0.1 * R.randn(D),
    "A": R.randn(D, D) / np.sqrt(D),
    "a": np.zeros(D),
    "B": R.randn(D, D) / np.sqrt(D),
    "O": R.randn(D, C) / np.sqrt(D),
    "o": np.zeros(C),
}


def layernorm(x):
    mu = x.mean(axis=-1, keepdims=True)
    sd = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6)
    return (x - mu) / sd, sd


def loss_and_grad(net, x, t):
    n = len(x)
    # the block sits on a learnt linear map of the features
    v = x @ net["A"] + net["a"]
    nv, sd = layernorm(v)
    u = nv * net["g"] + net["s"]
    sg = 1 / (1 + np.exp(-u))
    act = u * sg
    r = v + act @ net["B"]
    logits = r @ net["O"] + net["o"]
    logits = logits - logits.max(1, keepdims=True)
    logp = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    loss = -logp[np.arange(n), t].mean()

    dlogits = np.exp(logp)
    dlogits[np.arange(n), t] -= 1
    dlogits /= n
    d = {"O": r.T @ dlogits, "o": dlogits.sum(0)}
    dr = dlogits @ net["O"].T
    d["B"] = act.T @ dr
    dact = dr @ net["B"].T
    du = dact * (sg + u * sg * (1 - sg))
    d["g"] = (du * nv).sum(0)
    d["s"] = du.sum(0)
    dnv = du * net["g"]
    dv = (dnv - dnv.mean(-1, keepdims=True) - nv * (dnv * nv).mean(-1, keepdims=True)) / sd
    dv = dv + dr
    d["A"] = x.T @ dv
    d["a"] = dv.sum(0)
    return loss, d


for k in range(25):
    loss, d = loss_and_grad(net, feats, labels)
    net = {name: p - 0.4 * d[name] for name, p in net.items()}
    if k % 6 == 0:
        print(f"{k:2d} {loss:.4f}")

FAULTS = (
    [("dv = dv + dr", "dv = dv + dr + dact", "extra path")],
    [
        (
            "du = dact * (sg + u * sg * (1 - sg))",
            "sg = 1 / (1 + np.exp(-act))\n    du = dact * (sg + act * sg * (1 - sg))",
            "derivative at the output",
        )
    ],
    [('dact = dr @ net["B"].T', 'dact = dr @ net["B"]', "transpose")],
    [
        (
            "nv * (dnv * nv).mean(-1, keepdims=True)) / sd",
            "nv * (dnv * nv).mean(-1, keepdims=True))",
            "missing derivative",
        )
    ],
    [('d["a"] = dv.sum(0)', 'd["a"] = dv', "not summed"), ('d["B"] = act.T @ dr', 'd["B"] = u.T @ dr', "wrong value")],
)
