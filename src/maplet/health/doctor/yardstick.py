"""A yardstick: what a simple method without training makes of the same rows, each answered without its own target.

Kernel ridge regression, K(x, x′) = exp(−‖x − x′‖²/2s²) or xᵀx′, answers ŷ = K·(K + λI)⁻¹·y. With H = K·(K + λI)⁻¹ the
answer to row i of what is fitted to all *other* rows is known in closed form, ŷᵢ = (ŷᵢ − Hᵢᵢyᵢ)/(1 − Hᵢᵢ), so that no
part of the rows has to be held out. Widths s and ridges λ are tried on a small grid.
Source: C. Rasmussen, C. Williams, "Gaussian Processes for Machine Learning", 2006, section 5.4.
"""

from __future__ import annotations

import numpy as np

from maplet.health.doctor.answers import Numbers, unexplained

most_rows = 600
least_rows = 60
widths = (0.3, 0.6, 1.2)  # of the median distance
ridges = (1e-4, 1e-2, 1e-1, 1.0, 10.0)


def standardised(x: Numbers) -> Numbers:
    """Columns with mean 0 and variance 1; those that never change are left out."""
    spread = x.std(axis=0)
    return ((x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0))[:, spread > 1e-9 * (np.abs(x).max(axis=0) + 1)]


def left_out(x: Numbers, targets: Numbers, *, of_classes: bool) -> Numbers:
    """The best answer of the grid to each row, made without its target.

    Parameters
    ----------
    x, targets
        (N, D) and (N, K).
    of_classes
        Whether the targets are one-hot rows.
    """
    middle = targets.mean(axis=0)
    best = np.repeat(middle[None], len(x), axis=0)
    least = 1.0
    for kernel in _kernels(standardised(x)):
        values, vectors = np.linalg.eigh(kernel)
        values = np.maximum(values, 0.0)
        turned = vectors.T @ (targets - middle)
        for ridge in ridges:
            shrunk = values / (values + ridge)
            own = (vectors**2) @ shrunk
            given = (vectors @ (shrunk[:, None] * turned) - own[:, None] * (targets - middle)) / (
                1 - np.minimum(own, 1 - 1e-9)
            )[:, None]
            rest = unexplained(targets, given + middle, of_classes=of_classes)
            if rest < least:
                least, best = rest, given + middle
    return best


def _kernels(x: Numbers) -> list[Numbers]:
    """The linear kernel, and Gaussian ones of several widths."""
    inner = x @ x.T
    norms = np.diag(inner)
    distances = np.maximum(norms[:, None] + norms[None] - 2 * inner, 0.0)
    middle = float(np.median(distances)) or 1.0
    return [inner / max(x.shape[1], 1), *(np.exp(-distances / (2 * width**2 * middle)) for width in widths)]
