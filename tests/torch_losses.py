"""Every loss in PyTorch: its own function, or the formula in its operations."""

import itertools


def stacked(values):
    import torch

    return torch.stack(values)


def quantile(p, t, level=0.5):
    return (level * (t - p)).maximum((level - 1) * (t - p))


def focal(p, t, gamma=2.0, alpha=None):
    true_class = p.softmax(-1).gather(-1, t[..., None])[..., 0]
    values = -((1 - true_class) ** gamma) * true_class.log()
    return values if alpha is None else values * t.new_tensor(alpha, dtype=float)[t]


def binary_focal(p, t, gamma=2.0, alpha=None):
    p, t = p.sigmoid(), t.double()
    yes, no = (1, 1) if alpha is None else (alpha, 1 - alpha)
    return -yes * t * (1 - p) ** gamma * p.log() - no * (1 - t) * p**gamma * (1 - p).log()


def dice(p, t, smooth=1.0):
    p, t = p.sigmoid().flatten(1), t.double().flatten(1)
    return 1 - (2 * (p * t).sum(1) + smooth) / ((p**2).sum(1) + (t**2).sum(1) + smooth)


def hinge(p, t, margin=1.0):
    from torch.nn.functional import multi_margin_loss

    return multi_margin_loss(p.flatten(0, -2), t.flatten(), margin=margin, reduction="none").reshape(t.shape)


def binary_hinge(p, t, margin=1.0):
    return (margin - (2 * t - 1) * p).relu()


def kl_divergence(p, t, log_targets=False):
    from torch.nn.functional import kl_div

    return kl_div(p, t, reduction="none", log_target=log_targets).sum(-1)


def poisson_likelihood(p, t, logarithms=True, full=False):
    from torch.nn.functional import poisson_nll_loss

    values = poisson_nll_loss(p, t, log_input=logarithms, eps=0.0, reduction="none")
    return values + (t + 1).lgamma() if full else values  # their full=True has Stirling's approximation


def info_nce(p, t, temperature=0.1, both_directions=True):
    from torch.nn.functional import cosine_similarity

    similar = cosine_similarity(p[:, None], t[None], dim=-1) / temperature
    ways = [similar, similar.T] if both_directions else [similar]
    return -sum(way.log_softmax(1).diagonal() for way in ways) / len(ways)


def contrastive(p, t, temperature=0.5):
    views = [row / row.norm() for row in (*p, *t)]
    n, values = len(p), []
    for i, view in enumerate(views):
        scores = {k: view @ other / temperature for k, other in enumerate(views) if k != i}
        values.append(stacked(list(scores.values())).logsumexp(0) - scores[(i + n) % (2 * n)])
    return stacked([(values[i] + values[i + n]) / 2 for i in range(n)])


def ctc(p, t, lengths, target_lengths, blank=0):
    """The definition: the sum over all paths that read as the target."""
    values = []
    for a, letters, steps, count in zip(p, t.tolist(), lengths.tolist(), target_lengths.tolist(), strict=True):
        total = 0
        for path in itertools.product(range(a.shape[1]), repeat=steps):
            read = [c for n, c in enumerate(path) if c != blank and (n == 0 or path[n - 1] != c)]
            if read == letters[:count]:
                total = total + a[range(steps), list(path)].sum().exp()
        values.append(-total.log())
    return stacked(values)


of_formulas = {
    f.__name__: f
    for f in (
        quantile, focal, binary_focal, dice, hinge, binary_hinge, kl_divergence, poisson_likelihood, info_nce,
        contrastive, ctc,
    )
}  # fmt: skip


def torch_loss(name, options):
    from torch.nn import functional

    if name == "cross_entropy":

        def cross_entropy(p, t):
            t = t.double() if t.shape == p.shape else t.reshape(-1)
            values = functional.cross_entropy(p.reshape(-1, p.shape[-1]), t, reduction="none", **options)
            return values.reshape(p.shape[:-1])

        return cross_entropy
    if name in of_formulas:
        return lambda *xs: of_formulas[name](*xs, **options)
    function = {
        "mse": functional.mse_loss,
        "mae": functional.l1_loss,
        "huber": functional.huber_loss,
        "binary_cross_entropy": lambda p, t, **kw: functional.binary_cross_entropy_with_logits(p, t.double(), **kw),
        "triplet": lambda *xs, **kw: functional.triplet_margin_loss(*xs, eps=0.0, **kw),
        "cosine": lambda p, t, **_: 1 - functional.cosine_similarity(p, t, dim=-1),
        "gaussian_likelihood": lambda *xs, floor=1e-6, **kw: functional.gaussian_nll_loss(*xs, eps=floor, **kw),
    }[name]
    return lambda *xs: function(*xs, reduction="none", **options)
