"""The peers in PyTorch of attention and the layers of transformers, with the same weights.

PyTorch keeps the projections of queries, keys and values as one weight, so that a parameter of ours is a `Part`.
"""

import numpy as np


class Part:
    """Some rows of a parameter of PyTorch, or all of them, in our order of the axes."""

    def __init__(self, parameter, rows=slice(None)):
        self.parameter, self.rows = parameter, rows

    @property
    def grad(self):
        return self.parameter.grad[self.rows]

    @property
    def value(self):
        """The rows as they are now, with the axes of ours."""
        return self.parameter.detach()[self.rows].numpy().T


def put(torch, parameter, *arrays):
    """Set a parameter to arrays of ours, one below the other."""
    parameter.data = torch.tensor(np.concatenate([x.numpy().T for x in arrays]))


def linear(net, peer, torch, prefix=""):
    names = [name for name in ("weight", "bias") if getattr(peer, name) is not None]
    for name in names:
        put(torch, getattr(peer, name), getattr(net, name))
    return {f"{prefix}{name}": Part(getattr(peer, name)) for name in names}


def attention(net, peer, torch, prefix=""):
    """Give an `nn.MultiheadAttention` of PyTorch the weights of ours."""
    n, named = net.features, {}
    projections = ("query", "key", "value")
    for kind, packed, last in (
        ("weight", peer.in_proj_weight, peer.out_proj.weight),
        ("bias", peer.in_proj_bias, peer.out_proj.bias),
    ):
        if packed is None:
            continue
        put(torch, packed, *[getattr(getattr(net, name), kind) for name in projections])
        put(torch, last, getattr(net.output, kind))
        parts = {name: Part(packed, slice(k * n, k * n + n)) for k, name in enumerate(projections)}
        named |= {f"{prefix}{name}.{kind}": part for name, part in {**parts, "output": Part(last)}.items()}
    return named


def layer(net, torch):
    """A layer of an encoder or decoder, its parameters by our names."""
    decodes = hasattr(net, "memory_attention")
    make = torch.nn.TransformerDecoderLayer if decodes else torch.nn.TransformerEncoderLayer
    hidden = net.feed_forward[0].out_features
    peer = make(
        net.features, net.attention.heads, hidden, 0.0, net.activation, norm_first=net.norm_first, batch_first=True,
        bias=net.bias,
    )  # fmt: skip
    named = attention(net.attention, peer.self_attn, torch, "attention.")
    norms = ["attention_norm", "feed_forward_norm"]
    if decodes:
        norms.insert(1, "memory_norm")
        named |= attention(net.memory_attention, peer.multihead_attn, torch, "memory_attention.")
    for n, name in enumerate(norms, 1):
        named |= linear(getattr(net, name), getattr(peer, f"norm{n}"), torch, f"{name}.")
    named |= linear(net.feed_forward[0], peer.linear1, torch, "feed_forward.layers.0.")
    named |= linear(net.feed_forward[3], peer.linear2, torch, "feed_forward.layers.3.")
    return peer, named


def stack(net, torch):
    """A stack of layers, its parameters by our names."""
    name = type(net).__name__
    pairs = [layer(one, torch) for one in net.layers]
    norm, named = None, {f"layers.{n}.{key}": part for n, (_, own) in enumerate(pairs) for key, part in own.items()}
    if net.norm is not None:
        norm = torch.nn.LayerNorm(net.norm.features)
        named |= linear(net.norm, norm, torch, "norm.")
    settings = {"enable_nested_tensor": False} if name == "TransformerEncoder" else {}
    peer = getattr(torch.nn, name)(pairs[0][0], len(pairs), norm, **settings)
    peer.layers = torch.nn.ModuleList([one for one, _ in pairs])
    return peer, named


def multi_head_peer(net, torch):
    peer = torch.nn.MultiheadAttention(net.features, net.heads, bias=net.bias, batch_first=True)
    named = attention(net, peer, torch)

    def run(query, key=None, value=None):
        key = query if key is None else key
        return peer(query, key, key if value is None else value, need_weights=False)[0]

    return run, named


def encoder_peer(net, torch):
    return (stack if hasattr(net, "layers") else layer)(net, torch)


def decoder_peer(net, torch):
    """A decoder that does not see its future, as ours by default."""
    peer, named = encoder_peer(net, torch)

    def run(x, memory):
        future = torch.ones(x.shape[-2], x.shape[-2], dtype=torch.bool).triu(1)
        return peer(x, memory, tgt_mask=future)

    return run, named


transformer_peers = {
    "MultiHeadAttention": multi_head_peer,
    "TransformerEncoderLayer": encoder_peer,
    "TransformerEncoder": encoder_peer,
    "TransformerDecoderLayer": decoder_peer,
    "TransformerDecoder": decoder_peer,
}
