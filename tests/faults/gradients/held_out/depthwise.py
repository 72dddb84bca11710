"""A depthwise convolution over time, then a pointwise one, mean over time, and an exponential loss for signs."""

import numpy as np


def forward(signal, sign, kernel, mix, readout):
    length = signal.shape[1] - kernel.shape[0] + 1
    deep = sum(signal[:, k : k + length] * kernel[k] for k in range(kernel.shape[0]))
    wide = deep @ mix
    soft = np.log1p(np.exp(wide))
    score = soft.mean(axis=1) @ readout
    loss = np.exp(-sign * score).sum() / len(sign)
    return loss, deep, wide, soft, score


def backward(signal, sign, kernel, mix, readout, deep, wide, soft, score):
    n, length = deep.shape[:2]
    dscore = -sign * np.exp(-sign * score) / n
    dreadout = soft.mean(axis=1).T @ dscore
    dmean = dscore[:, None] * readout
    dsoft = np.repeat(dmean[:, None, :], length, axis=1) / length
    dwide = dsoft / (1 + np.exp(-wide))
    dmix = np.einsum("ntc,ntd->cd", deep, dwide)
    ddeep = dwide @ mix.T
    dkernel = np.zeros_like(kernel)
    for k in range(kernel.shape[0]):
        dkernel[k] = (signal[:, k : k + length] * ddeep).sum(axis=(0, 1))
    return {"kernel": dkernel, "mix": dmix, "readout": dreadout}


def subject(rng):
    sign = np.where(rng.random(6) < 0.5, -1.0, 1.0)
    args = (
        rng.normal(size=(6, 7, 3)),
        sign,
        rng.normal(size=(3, 3)),
        rng.normal(size=(3, 4)),
        0.5 * rng.normal(size=4),
    )
    return forward, backward, args


FAULTS = (
    [("dscore = -sign * np.exp(-sign * score) / n", "dscore = sign * np.exp(-sign * score) / n", "sign")],
    [("dscore = -sign * np.exp(-sign * score) / n", "dscore = -sign * np.exp(-sign * score)", "missing mean")],
    [("length, axis=1) / length", "length, axis=1)", "missing mean")],
    [("dwide = dsoft / (1 + np.exp(-wide))", "dwide = dsoft", "missing derivative")],
    [("dwide = dsoft / (1 + np.exp(-wide))", "dwide = dsoft / (1 + np.exp(-soft))", "derivative at the output")],
    [("ddeep = dwide @ mix.T", "ddeep = dsoft @ mix.T", "missing derivative")],
    [
        (
            'dmix = np.einsum("ntc,ntd->cd", deep, dwide)',
            'dmix = np.einsum("ntc,ntd->cd", deep, dwide) / n',
            "extra mean",
        )
    ],
    [
        ("dscore = -sign * np.exp(-sign * score) / n", "dscore = -np.exp(-sign * score) / n", "missing derivative"),
        ("length, axis=1) / length", "length, axis=1)", "missing mean"),
    ],
)
