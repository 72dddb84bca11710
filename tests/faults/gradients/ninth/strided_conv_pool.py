"""A 2-D convolution with stride two and zero padding, written as loops over positions, then global average pooling."""

import numpy as np

STRIDE, PAD = 2, 1


def conv_net_forward(x, y, kernel, bias, V):
    """x: (N, H, W, C), kernel: (k, k, C, F), y: (N, K)."""
    N, H, W, _ = x.shape
    k, F = kernel.shape[0], kernel.shape[-1]
    padded = np.pad(x, ((0, 0), (PAD, PAD), (PAD, PAD), (0, 0)))
    H_out, W_out = (H + 2 * PAD - k) // STRIDE + 1, (W + 2 * PAD - k) // STRIDE + 1
    out = np.zeros((N, H_out, W_out, F))
    for i in range(H_out):
        for j in range(W_out):
            patch = padded[:, i * STRIDE : i * STRIDE + k, j * STRIDE : j * STRIDE + k, :]
            out[:, i, j] = np.einsum("nabc,abcf->nf", patch, kernel) + bias
    act = np.log1p(np.exp(out))
    features = act.mean(axis=(1, 2))
    diff = features @ V - y
    return 0.5 * np.sum(diff**2) / N, padded, out, features, diff


def conv_net_backward(kernel, V, padded, out, features, diff):
    N, H_out, W_out, _ = out.shape
    k = kernel.shape[0]
    d_pred = diff / N
    dV = features.T @ d_pred
    d_features = d_pred @ V.T
    d_act = d_features[:, None, None, :] / (H_out * W_out)
    d_out = d_act * 1 / (1 + np.exp(-out))
    d_kernel = np.zeros_like(kernel)
    d_padded = np.zeros_like(padded)
    for i in range(H_out):
        for j in range(W_out):
            rows, cols = slice(i * STRIDE, i * STRIDE + k), slice(j * STRIDE, j * STRIDE + k)
            d_kernel += np.einsum("nabc,nf->abcf", padded[:, rows, cols], d_out[:, i, j])
            d_padded[:, rows, cols] += np.einsum("abcf,nf->nabc", kernel, d_out[:, i, j])
    d_bias = d_out.sum(axis=(0, 1, 2))
    d_x = d_padded[:, PAD:-PAD, PAD:-PAD]
    return {"kernel": d_kernel, "bias": d_bias, "V": dV, "x": d_x}


def subject(rng):
    x, y = rng.normal(size=(5, 5, 7, 2)), rng.normal(size=(5, 4))
    return (
        conv_net_forward,
        conv_net_backward,
        (x, y, rng.normal(size=(3, 3, 2, 6)) * 0.5, rng.normal(size=6), rng.normal(size=(6, 4))),
    )


FAULTS = (
    [("d_padded[:, rows, cols] += np.einsum", "d_padded[:, rows, cols] = np.einsum", "missing path")],
    [
        (
            "d_act = d_features[:, None, None, :] / (H_out * W_out)",
            "d_act = d_features[:, None, None, :]",
            "missing mean",
        )
    ],
    [
        ("d_out = d_act * 1 / (1 + np.exp(-out))", "d_out = np.broadcast_to(d_act, out.shape)", "missing derivative"),
        ("d_pred = diff / N", "d_pred = -diff / N", "sign"),
    ],
)
