"""Layers for images and their norms in PyTorch, on arrays that have their channels last."""

from torch_arranged import Arranged, as_module, tensor, turned


def channels_last(torch, inner, before=None):
    """A module that takes and gives channels last; ``before`` is done to the input in PyTorch's own layout."""

    class ChannelsLast(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            x = x.moveaxis(-1, 1).contiguous()  # GroupNorm of PyTorch 2.13 breaks on another layout
            return self.inner(x if before is None else before(x)).moveaxis(1, -1)

    return ChannelsLast()


def each(value, count):
    return tuple(value) if isinstance(value, tuple) else (value,) * count


def surrounding(net, window, strides, spatial):
    """(before, behind) for each spatial axis, as the padding says."""
    spans = [(k - 1) * d + 1 for k, d in zip(window, each(net.dilation, len(window)), strict=True)]
    if net.padding == "same":
        wanted = [(-(-n // s) - 1) * s + span - n for n, s, span in zip(spatial, strides, spans, strict=True)]
        return [(max(n, 0) // 2, max(n, 0) - max(n, 0) // 2) for n in wanted]
    if net.padding == "causal":
        return [(spans[0] - 1, 0)]
    padding = 0 if net.padding == "valid" else net.padding
    return list(padding) if isinstance(padding, tuple) else [(padding, padding)] * len(window)


def padded(torch, x, margins, value=0.0):
    widths = [n for pair in reversed(margins) for n in pair]  # PyTorch begins with the last axis
    return torch.nn.functional.pad(x, widths, value=value)


# ── convolutions ─────────────────────────────────────────────────────────────────────────────────


def of_conv(theirs):
    """(O, C / groups, kernel…) → (kernel…, C / groups, O)."""
    return theirs.moveaxis((1, 0), (-2, -1))


def of_transposed_conv(groups):
    """(C, O / groups, kernel…) → (kernel…, C / groups, O), where the outputs of a group stand together."""

    def ours(theirs):
        inputs, outputs, *kernel = theirs.shape
        parted = theirs.reshape(groups, inputs // groups, outputs, *kernel).moveaxis((1, 0, 2), (-3, -2, -1))
        return parted.reshape(*kernel, inputs // groups, groups * outputs)

    return ours


def placed(torch, net, module, ours):
    """The weights of our layer in the module, and its parameters by our names."""
    # Where each element goes is read off an array that holds the numbers of the elements.
    theirs = module.weight
    numbers = ours(torch.arange(theirs.numel()).reshape(theirs.shape)).flatten()
    values = torch.empty(theirs.numel(), dtype=tensor(torch, net.weight).dtype)
    values[numbers] = tensor(torch, net.weight).flatten()
    theirs.data = values.reshape(theirs.shape)
    named = {"weight": Arranged(theirs, ours)}
    if net.bias is not None:
        module.bias.data = tensor(torch, net.bias)
        named["bias"] = Arranged(module.bias)
    return named


def conv(net, torch):
    count = net.spatial_axes
    kernel, strides, dilation = (each(value, count) for value in (net.kernel_size, net.strides, net.dilation))
    make = getattr(torch.nn, type(net).__name__)
    module = make(
        net.in_channels, net.out_channels, kernel, strides, dilation=dilation, groups=net.groups,
        bias=net.bias is not None,
    )  # fmt: skip

    def before(x):
        return padded(torch, x, surrounding(net, kernel, strides, x.shape[2:]))

    return channels_last(torch, module, before), placed(torch, net, module, of_conv)


def transposed_conv(net, torch):
    count = net.spatial_axes
    kernel, strides, dilation = (each(value, count) for value in (net.kernel_size, net.strides, net.dilation))
    padding, further = 0, 0
    if isinstance(net.padding, tuple):
        padding = tuple(before for before, _ in net.padding)
        further = tuple(before - behind for before, behind in net.padding)
    elif net.padding == "same":  # for those whose overlap falls into halves
        padding = tuple((k - s) // 2 for k, s in zip(kernel, strides, strict=True))
        assert all((k - s) % 2 == 0 for k, s in zip(kernel, strides, strict=True))
    elif net.padding != "valid":
        padding = net.padding
    make = getattr(torch.nn, type(net).__name__)
    module = make(
        net.in_channels, net.out_channels, kernel, strides, padding=padding, output_padding=further,
        groups=net.groups, bias=net.bias is not None, dilation=dilation,
    )  # fmt: skip
    return channels_last(torch, module), placed(torch, net, module, of_transposed_conv(net.groups))


# ── pools ────────────────────────────────────────────────────────────────────────────────────────


def pool(net, torch):
    count, largest = net.spatial_axes, net.combiner == "max"
    window = each(net.window, count)
    strides = window if net.strides is None else each(net.strides, count)
    make = getattr(torch.nn, type(net).__name__)
    module = make(window, strides, dilation=each(net.dilation, count)) if largest else make(window, strides)

    def run(x):
        x = x.moveaxis(-1, 1)
        margins = surrounding(net, window, strides, x.shape[2:])
        if largest:
            return module(padded(torch, x, margins, float("-inf"))).moveaxis(1, -1)
        share = module(padded(torch, torch.ones_like(x), margins))  # of a window that lies on the array
        return (module(padded(torch, x, margins)) / share).moveaxis(1, -1)

    return as_module(torch, run), {}


def adaptive_pool(net, torch):
    return channels_last(torch, getattr(torch.nn, type(net).__name__)(net.output_size)), {}


def global_pool(net, torch):
    def run(x):
        x = x.flatten(1, -2)
        return x.amax(1) if net.combiner == "max" else x.mean(1)

    return as_module(torch, run), {}


# ── normalizations ───────────────────────────────────────────────────────────────────────────────


def with_affine(torch, net, module):
    """γ and β of our layer, or neither, in the module; its parameters by our names."""
    named = {}
    for name in ("weight", "bias"):
        ours = getattr(net, name)
        parameter = None if ours is None else torch.nn.Parameter(tensor(torch, ours))
        setattr(module, name, parameter)
        if parameter is not None:
            named[name] = Arranged(parameter)
    return named


def batch_norm(net, torch):
    # One class of ours, three of theirs, with the same computation: the flattened batch is that of the first.
    module = torch.nn.BatchNorm1d(net.features, eps=net.epsilon, momentum=net.momentum)
    module.running_mean = tensor(torch, net.running_mean)
    module.running_var = tensor(torch, net.running_variance)
    named = with_affine(torch, net, module)
    return as_module(torch, lambda x: module(x.reshape(-1, net.features)).reshape(x.shape), module), named


def layer_norm(net, torch):
    shape = each(net.features, 1)
    module = getattr(torch.nn, type(net).__name__)(shape, eps=net.epsilon)
    return module, with_affine(torch, net, module)


def group_norm(net, torch):
    module = torch.nn.GroupNorm(net.groups, net.features, eps=net.epsilon)
    named = with_affine(torch, net, module)
    return channels_last(torch, module), named


def instance_norm(net, torch):
    module = torch.nn.InstanceNorm1d(net.features, eps=net.epsilon, affine=True)
    named = with_affine(torch, net, module)

    def run(x):
        return module(x.flatten(1, -2).moveaxis(-1, 1)).moveaxis(1, -1).reshape(x.shape)

    return as_module(torch, run, module), named


# ── another weight ───────────────────────────────────────────────────────────────────────────────


def inner_of(net, torch):
    """The peer of the layer inside, its module with the weight, how that lies, and its other parameters."""
    if type(net.layer).__name__ == "Linear":
        peer = torch.nn.Linear(net.layer.in_features, net.layer.out_features, bias=net.layer.bias is not None)
        named = placed(torch, net.layer, peer, turned)
        module = peer
    else:
        peer, named = conv(net.layer, torch)
        module = peer.inner
    return peer, module, named["weight"].ours, {"layer.bias": named["bias"]} if "bias" in named else {}


def weight_norm(net, torch):
    peer, module, ours, named = inner_of(net, torch)
    torch.nn.utils.parametrizations.weight_norm(module, dim=0)
    length, direction = (getattr(module.parametrizations.weight, f"original{n}") for n in (0, 1))
    length.data = tensor(torch, net.length).reshape(length.shape)
    named |= {
        "layer.weight": Arranged(direction, ours),
        "length": Arranged(length, lambda theirs: theirs.flatten()),
    }
    return peer, named


def spectral_norm(net, torch):
    peer, module, ours, named = inner_of(net, torch)
    torch.nn.utils.parametrizations.spectral_norm(module, n_power_iterations=net.iterations)
    original, method = module.parametrizations.weight.original, module.parametrizations.weight[0]
    method._u = tensor(torch, net.output_vector)
    numbers = ours(torch.arange(original.numel()).reshape(original.shape))[..., 0].flatten()  # of the first output
    method._v = torch.empty_like(tensor(torch, net.input_vector))
    method._v[numbers] = tensor(torch, net.input_vector)
    return peer, named | {"layer.weight": Arranged(original, ours)}


image_peers = {
    **{f"Conv{n}d": conv for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": transposed_conv for n in (1, 2, 3)},
    **{f"{kind}Pool{n}d": pool for kind in ("Max", "Avg") for n in (1, 2, 3)},
    **{f"Adaptive{kind}Pool{n}d": adaptive_pool for kind in ("Max", "Avg") for n in (1, 2, 3)},
    "GlobalAvgPool": global_pool,
    "GlobalMaxPool": global_pool,
    "BatchNorm": batch_norm,
    "LayerNorm": layer_norm,
    "RMSNorm": layer_norm,
    "GroupNorm": group_norm,
    "InstanceNorm": instance_norm,
    "WeightNorm": weight_norm,
    "SpectralNorm": spectral_norm,
}
