"""Every layer that PyTorch has, there, with the weights of ours; and why it has not the others.

Those for images and the norms stand in `torch_images`, recurrent ones in `torch_recurrent`, attention and what is made
of it in `torch_transformers`.
"""

from torch_arranged import Arranged, as_module, with_weights
from torch_images import image_peers
from torch_recurrent import recurrent_peers
from torch_transformers import transformer_peers


def torch_peer(net, torch):
    """A module of PyTorch that computes the same, and its parameters by our names, each an `Arranged`."""
    name = type(net).__name__
    return peers[name](net, torch) if name in peers else (getattr(torch.nn, name)(), {})


def sequential(net, torch):
    modules, named = several(net, torch)
    return torch.nn.Sequential(*modules), named


def several(net, torch):
    """The peers of the layers inside, and the parameters of all."""
    found = [torch_peer(layer, torch) for layer in net.layers]
    named = {f"layers.{n}.{key}": value for n, (_, own) in enumerate(found) for key, value in own.items()}
    return [module for module, _ in found], named


def residual(net, torch):
    inside, named = torch_peer(net.layer, torch)
    return as_module(torch, lambda x: x + inside(x), inside), {f"layer.{key}": one for key, one in named.items()}


def parallel(net, torch):
    modules, named = several(net, torch)
    combine = {"concat": lambda ys: torch.cat(ys, net.axis), "stack": lambda ys: torch.stack(ys, net.axis), "sum": sum}
    return as_module(torch, lambda x: combine[net.combine]([module(x) for module in modules]), *modules), named


def linear(net, torch):
    module = torch.nn.Linear(net.in_features, net.out_features, bias=net.bias is not None)
    return module, with_weights(torch, net, module)


def table(net, torch):
    sizes = (net.num_embeddings, net.features) if hasattr(net, "num_embeddings") else (net.features,)
    module = getattr(torch.nn, type(net).__name__)(*sizes)
    module.weight.data = torch.tensor(net.weight.numpy().copy())
    return module, {"weight": Arranged(module.weight)}


def embed_columns(net, torch):
    """The codes of the last columns become rows of tables behind the numbers of the others."""
    modules, named = [], {}
    for n, inside in enumerate(net.tables):
        module, own = table(inside, torch)
        modules.append(module)
        named |= {f"tables.{n}.{key}": one for key, one in own.items()}

    def run(x):
        codes = x[..., x.shape[-1] - len(modules) :].long()
        rows = [module(codes[..., n]) for n, module in enumerate(modules)]
        return torch.cat([x[..., : x.shape[-1] - len(modules)], *rows], dim=-1)

    return as_module(torch, run, *modules), named


def gated(net, torch):
    if net.gate == "sigmoid":
        return torch.nn.GLU(net.axis), {}

    def run(x):
        value, gate = torch.chunk(x, 2, net.axis)
        return value * getattr(torch.nn.functional, net.gate)(gate)

    return as_module(torch, run), {}


def of(make):
    """The peer of a layer without parameters."""
    return lambda net, torch: (make(net, torch), {})


peers = {
    **image_peers,
    **transformer_peers,
    **recurrent_peers,
    "Sequential": sequential,
    "Residual": residual,
    "Parallel": parallel,
    "Linear": linear,
    "Embedding": table,
    "PReLU": table,
    "EmbedColumns": embed_columns,
    "GLU": gated,
    **dict.fromkeys(("Softmax", "LogSoftmax", "Softmin"), of(lambda net, torch: torch_of(net, torch)(dim=net.axis))),
    **dict.fromkeys(("ELU", "CELU"), of(lambda net, torch: torch_of(net, torch)(net.alpha))),  # CELU rounds 1/α there
    **dict.fromkeys(("Softshrink", "Hardshrink"), of(lambda net, torch: torch_of(net, torch)(net.threshold))),
    "LeakyReLU": of(lambda net, torch: torch.nn.LeakyReLU(net.slope)),
    "GELU": of(lambda net, torch: torch.nn.GELU(approximate="tanh" if net.approximate else "none")),
    "Hardtanh": of(lambda net, torch: torch.nn.Hardtanh(net.low, net.high)),
    "Threshold": of(lambda net, torch: torch.nn.Threshold(net.threshold, net.value)),
    # torch.nn.Hardsigmoid has a slope of 0.16666667, the sixth of float32, in float64 too.
    "Hardsigmoid": of(lambda _, torch: as_module(torch, lambda x: torch.nn.functional.relu6(x + 3) / 6)),
}


def torch_of(net, torch):
    """The class of the same name."""
    return getattr(torch.nn, type(net).__name__)


# Layers, or rows of their examples, that nothing in PyTorch is compared with; each with its reason.
drawn = "what it drops is drawn otherwise; test_nn_dropout.py has its laws"
turned_heads = "PyTorch has no layer with rotary positions or shared heads; test_nn_attention.py compares its function"
without_peer = {
    **dict.fromkeys(("Dropout", "ChannelDropout", "StochasticDepth", "AlphaDropout"), drawn),
    "Flatten-1": "in PyTorch a vector is no batch of numbers",
    **dict.fromkeys(
        ("SinusoidalPositions", "RotaryPositions"), "PyTorch has none, and they are a formula; test_nn_attention.py"
    ),
    "MultiHeadAttention-2": turned_heads,
    "TransformerEncoderLayer-3": turned_heads,
    "TransformerDecoderLayer-3": turned_heads,
}
