"""Names that users of PyTorch and NumPy look for, and what stands for them here.

They are no attributes: asking for one raises an `AttributeError` that says the way, so that ``hasattr`` stays false.
"""

from __future__ import annotations

for_arrays = {
    "backward": "gradients are a function of a function: loss, gradients = mp.value_and_grad(f)(net)",
    "clone": "a.copy(), another handle on the same values",
    "contiguous": "nothing is needed: memory is maplet's concern",
    "cpu": "nothing is needed: every array is on the CPU",
    "cuda": "nothing: maplet computes on the CPU",
    "detach": "mp.stop_gradient(a); a.item() reads one number out of the graph",
    "device": "nothing is needed: every array is on the CPU",
    "dot": "a @ b",
    "double": "a.astype(mp.float64)",
    "expand": "mp.broadcast_to(a, shape)",
    "fill": "mp.full(a.shape, value)",
    "flatten": "a.reshape(-1); a.reshape(len(a), -1) keeps the first axis",
    "float": "a.astype(mp.float32)",
    "grad": "the gradient is not kept in the array: value, gradient = mp.value_and_grad(f)(a)",
    "int": "a.astype(mp.int32)",
    "long": "a.astype(mp.int64)",
    "permute": "mp.permute_dims(a, axes)",
    "ravel": "a.reshape(-1)",
    "repeat": "mp.broadcast_to(a, shape), or mp.concat([a, a])",
    "requires_grad": "what is differentiated is said by mp.grad(f, argnums); mp.Parameter is what a module trains",
    "requires_grad_": "what is differentiated is said by mp.grad(f, argnums); mp.Parameter is what a module trains",
    "squeeze": "mp.squeeze(a, axis)",
    "to": "a.astype(dtype); every array is on the CPU",
    "transpose": "a.T for a matrix, mp.permute_dims(a, axes) else",
    "unsqueeze": "mp.expand_dims(a, axis=…), or a[:, None]",
    "var": "mp.var(a, axis)",
    "view": "a.reshape(shape)",
}
for_maplet = {
    "Tensor": "mp.Array; mp.asarray makes one",
    "amax": "mp.max",
    "arccos": "mp.acos",
    "arcsin": "mp.asin",
    "arctan": "mp.atan",
    "arctan2": "mp.atan2",
    "array": "mp.asarray",
    "cat": "mp.concat",
    "clamp": "mp.clip",
    "concatenate": "mp.concat",
    "cuda": "nothing: maplet computes on the CPU",
    "device": "nothing is needed: every array is on the CPU",
    "dot": "mp.matmul, or a @ b",
    "empty": "mp.zeros",
    "from_numpy": "mp.asarray",
    "gather": "mp.take_along_axis",
    "manual_seed": "mp.seed",
    "mm": "mp.matmul, or a @ b",
    "ndarray": "mp.Array; mp.asarray makes one",
    "no_grad": "nothing is needed: only mp.grad and its kin record; mp.stop_gradient(a) cuts inside them",
    "power": "mp.pow, or a ** b",
    "rand": "mp.random.Generator(seed).uniform(shape)",
    "randn": "mp.random.Generator(seed).normal(shape)",
    "tensor": "mp.asarray",
    "transpose": "mp.permute_dims, or a.T for a matrix",
    "unsqueeze": "mp.expand_dims",
    "vstack": "mp.concat(arrays, axis=0), or mp.stack",
}
for_modules = {
    "add_module": "set an attribute: self.hidden = nn.Linear(3, 2)",
    "apply": "a loop over net.modules() or net.parameters()",
    "children": "net.modules(), a dict by path",
    "cpu": "nothing is needed: every array is on the CPU",
    "cuda": "nothing: maplet computes on the CPU",
    "double": 'net.astype("float64")',
    "fit": "mp.fit(net, data)",
    "float": 'net.astype("float32")',
    "load_state_dict": "net.load_state(state)",
    "named_modules": "net.modules(), a dict by path",
    "named_parameters": "net.parameters(), a dict by name",
    "predict": "net.eval()(x), or predict of the run that mp.fit gives",
    "register_buffer": "set an attribute: self.mean = mp.zeros((3,)); an array that is no mp.Parameter is not trained",
    "register_parameter": "set an attribute: self.weight = mp.Parameter(…)",
    "requires_grad_": "net.freeze() and net.unfreeze()",
    "state_dict": "net.state(); mp.save(net, path) writes it",
    "to": "net.astype(dtype); every array is on the CPU",
    "zero_grad": "nothing is needed: gradients are returned by mp.value_and_grad, not gathered in the net",
}
for_optimizers = {
    "add_param_group": "one optimizer for each group: optimizer.update(part_of_net, gradients)",
    "param_groups": "optimizer.learning_rate, which may be reassigned at any time",
    "step": "optimizer.update(net, gradients), with the gradients of mp.value_and_grad",
    "zero_grad": "nothing is needed: gradients are returned by mp.value_and_grad, not gathered in the net",
}
for_nn = {
    "BCELoss": "nn.binary_cross_entropy, a function of logits",
    "BCEWithLogitsLoss": "nn.binary_cross_entropy, a function",
    "CrossEntropyLoss": "nn.cross_entropy, a function of logits",
    "HuberLoss": "nn.huber, a function",
    "L1Loss": "nn.mae, a function",
    "MSELoss": "nn.mse, a function",
    "SmoothL1Loss": "nn.huber, a function",
    "functional": "mp.relu, mp.softmax … and the losses of nn itself",
    "init": "nn.initializers, or weight_init= of a layer",
}
for_optim = {"lr_scheduler": "a schedule in the place of the rate: optim.Adam(optim.Cosine(…))"}


def no_attribute(owner: str, name: str, advice: dict[str, str]) -> AttributeError:
    """The error for a name that is not there, with the way to what is meant where that is known."""
    text = f"{owner} has no attribute {name!r}"
    return AttributeError(f"{text}\n  fix: {advice[name]}" if name in advice else text, name=name)
