"""Every loss with every option that changes what it computes, and what it takes: what the laws of losses go over."""

import numpy as np
import pytest

from maplet.nn.losses import losses

random = np.random.default_rng(0)
real = (random.normal(size=(6, 3)), random.normal(size=(6, 3)))
logits = random.normal(size=(6, 4))
classes = random.integers(0, 4, size=6)
probabilities = np.exp(logits[::-1]) / np.exp(logits[::-1]).sum(axis=1, keepdims=True)
deep = (random.normal(size=(3, 2, 4)), random.integers(0, 4, size=(3, 2)))
binary = (random.normal(size=(6, 3)), random.uniform(size=(6, 3)))
vectors = tuple(random.normal(size=(3, 6, 3)))
logarithms = np.log(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
counts = (random.normal(size=(6, 3)), random.poisson(2.0, size=(6, 3)).astype(float))
sounds = random.normal(size=(5, 4, 3))
sounds -= np.log(np.exp(sounds).sum(axis=2, keepdims=True))
# Letters that differ and that are equal, a target that is empty, and letters behind the length that do not count.
letters = np.array([[1, 2], [2, 9], [-1, 1], [2, 2], [1, 1]])
spoken = (sounds, letters, np.array([4, 3, 4, 3, 4]), np.array([2, 1, 0, 2, 2]))

# Every loss with every option that changes what it computes, and what it takes.
examples = {
    "mse": [(real, {}), ((real[0][:, 0], real[1][:, 0]), {})],
    "mae": [(real, {})],
    "huber": [(real, {}), (real, {"delta": 0.3})],
    "cross_entropy": [
        (given, options)
        for given in ((logits, classes), (logits, probabilities), (logits, np.eye(4, dtype=int)[classes]), deep)
        for options in ({}, {"label_smoothing": 0.1})
    ],
    "binary_cross_entropy": [(binary, {}), ((binary[0], binary[1] > 0.5), {}), ((binary[0], np.round(binary[1])), {})],
    "quantile": [(real, {}), (real, {"level": 0.9})],
    "focal": [
        ((logits, classes), {}),
        ((logits, classes), {"gamma": 0.5, "alpha": np.array([0.5, 1.0, 2.0, 0.0])}),
        (deep, {"gamma": 0}),
    ],
    "binary_focal": [
        (binary, {}),
        ((binary[0], binary[1] > 0.5), {"gamma": 0.5, "alpha": 0.25}),
        ((binary[0], np.round(binary[1])), {"gamma": 0}),
    ],
    "dice": [(binary, {}), ((binary[0].reshape(3, 2, 3), binary[1].reshape(3, 2, 3) > 0.5), {"smooth": 0.1})],
    "hinge": [((logits, classes), {}), (deep, {"margin": 0.3})],
    "binary_hinge": [((binary[0], np.round(binary[1])), {}), (binary, {"margin": 0.3})],
    "triplet": [(vectors, {}), (vectors, {"margin": 0.3}), (tuple(x.reshape(3, 2, 3) for x in vectors), {})],
    "cosine": [(vectors[:2], {}), (tuple(x.reshape(3, 2, 3) for x in vectors[:2]), {})],
    "info_nce": [(vectors[:2], {}), (vectors[:2], {"temperature": 1.5, "both_directions": False})],
    "contrastive": [(vectors[:2], {}), (vectors[:2], {"temperature": 1.5})],
    "kl_divergence": [
        ((logarithms, probabilities), {}),
        ((logarithms, np.log(probabilities)), {"log_targets": True}),
        ((logarithms.reshape(3, 2, 4), probabilities.reshape(3, 2, 4)), {}),
    ],
    "gaussian_likelihood": [
        ((*real, np.abs(vectors[0]) + 0.1), {}),
        ((*real, np.abs(vectors[0]) + 0.1), {"full": True, "floor": 0.01}),
    ],
    "poisson_likelihood": [
        (counts, {}),
        (counts, {"full": True}),
        ((np.exp(counts[0]), counts[1]), {"logarithms": False}),
    ],
    "ctc": [
        (spoken, {}),
        ((sounds, np.array([[0], [2], [0], [0], [2]]), spoken[2], np.ones(5, dtype=int)), {"blank": 1}),
    ],
}
cases = [
    pytest.param(name, given, options, id=f"{name}-{n}")
    for name, entries in examples.items()
    for n, (given, options) in enumerate(entries)
]
every_loss = pytest.mark.parametrize(("name", "given", "options"), cases)
# For laws that take long: the first example of each loss is quick, the others are slow.
every_loss_in_time = pytest.mark.parametrize(
    ("name", "given", "options"),
    [
        case if case.id.endswith("-0") else pytest.param(*case.values, id=case.id, marks=pytest.mark.slow)
        for case in cases
    ],
)
couples_examples = {"info_nce", "contrastive"}  # an example is compared with all others
per_row_of_values = {"cross_entropy", "focal", "hinge", "triplet", "cosine", "info_nce", "contrastive", "kl_divergence"}
takes_pairs = [
    name
    for name in losses
    if name not in {"cross_entropy", "focal", "hinge", "ctc", "triplet", "gaussian_likelihood", *couples_examples}
]
every_reduction = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def per_row(given):
    return np.random.default_rng(7).uniform(0.5, 2, size=given[0].shape[0])
