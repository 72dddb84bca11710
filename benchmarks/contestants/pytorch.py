"""PyTorch, as its experts write it: fused optimizers, gradients set to None, channels-last images, weights (out, in)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import data
from benchmarks.contestants.runner import Runner
from benchmarks.workloads import BATCHES, Convolution, Epoch, Product, Rows, Training, Update

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from benchmarks.data import Named
    from benchmarks.workloads import Network, Workload

    Step = Callable[[torch.Tensor, torch.Tensor], Any]


def prepare(workload: Workload, threads: int, variant: str) -> Runner:
    """Variants: eager; loader, eager with a DataLoader; compiled, the loss; whole, the whole step."""
    torch.set_num_threads(threads)
    match workload:
        case Training():
            return Steps(workload, variant)
        case Epoch():
            return WholeEpoch(workload, variant)
        case Rows():
            return RowWise(workload, variant)
        case Update():
            return Adam(workload, variant)
        case Product():
            return Multiplication(workload)
        case Convolution():
            return Convolve(workload)


def tensor(array: NDArray[Any]) -> torch.Tensor:
    """A copy, as no contestant may change the arrays of the benchmark."""
    return torch.from_numpy(array.copy())


# ── training ─────────────────────────────────────────────────────────────────────────────────────


class Model:
    """A network, its optimizer, and a step in one of three ways."""

    def __init__(self, network: Network, variant: str) -> None:
        self.network, self.initial = network, data.weights(network)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(network.sizes):
            layers += [nn.Linear(inputs, outputs), nn.Tanh() if network.activation == "tanh" else nn.ReLU()]
        self.net = nn.Sequential(*layers[:-1])
        self.linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
        self.optimizer: torch.optim.Optimizer
        self.reset()
        if variant == "whole":
            self.step: Step = self.whole_step()
        else:
            self.loss = torch.compile(self.forward) if variant == "compiled" else self.forward
            self.step = self.usual_step

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The loss of a batch."""
        return F.cross_entropy(self.net(x), y)

    def usual_step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """As in every tutorial."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(x, y)
        loss.backward()
        self.optimizer.step()
        return loss

    def whole_step(self) -> Step:
        """Forward, backward and update as one graph, which takes torch.func and the update written out.

        The wrapper in C++ saves a third of the time of a small step.
        """
        torch._inductor.config.cpp_wrapper = True  # noqa: SLF001  (PyTorch's way to set it)
        rate, adam = self.network.learning_rate, self.network.optimizer == "adam"

        def loss(parameters: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return F.cross_entropy(torch.func.functional_call(self.net, parameters, (x,)), y)

        @torch.compile(fullgraph=True)
        def step(
            parameters: dict[str, torch.Tensor], state: dict[str, dict[str, torch.Tensor]], count: torch.Tensor,
            x: torch.Tensor, y: torch.Tensor,
        ) -> torch.Tensor:  # fmt: skip
            gradients, value = torch.func.grad_and_value(loss)(parameters, x, y)
            if not adam:
                for name, parameter in parameters.items():
                    parameter.sub_(rate * gradients[name])
                return value
            count.add_(1)
            weight1, weight2 = 1 - 0.9**count, 1 - 0.999**count
            for name, parameter in parameters.items():
                m, v, g = state["first"][name], state["second"][name], gradients[name]
                m.mul_(0.9).add_(g, alpha=0.1)
                v.mul_(0.999).addcmul_(g, g, value=0.001)
                parameter.sub_(rate * (m / weight1) / ((v / weight2).sqrt() + 1e-8))
            return value

        return lambda x, y: step(self.parameters, self.state, self.count, x, y)

    def reset(self) -> None:
        """The initial weights and an optimizer that has seen nothing; the parameters stay the same tensors."""
        with torch.no_grad():
            for n, layer in enumerate(self.linear):
                layer.weight.copy_(torch.from_numpy(self.initial[f"weight{n}"]).T)
                layer.bias.copy_(torch.from_numpy(self.initial[f"bias{n}"]))
        kind = torch.optim.Adam if self.network.optimizer == "adam" else torch.optim.SGD
        self.optimizer = kind(self.net.parameters(), lr=self.network.learning_rate, fused=True)
        self.parameters = {name: parameter.detach() for name, parameter in self.net.named_parameters()}
        self.state = {
            moment: {name: torch.zeros_like(p) for name, p in self.parameters.items()} for moment in ("first", "second")
        }
        self.count = torch.zeros(())

    def weights(self) -> Named:
        """By the names of `reference`, turned to (in, out)."""
        found: Named = {}
        for n, layer in enumerate(self.linear):
            found[f"weight{n}"], found[f"bias{n}"] = layer.weight.detach().T.numpy(), layer.bias.detach().numpy()
        return found


class Steps(Runner):
    """Training on batches that lie ready as tensors."""

    def __init__(self, workload: Training, variant: str) -> None:
        self.model = Model(workload.network, variant)
        x, y = data.batches(workload)
        self.batches = [(tensor(rows), tensor(labels)) for rows, labels in zip(x, y, strict=True)]
        self.reset, self.result = self.model.reset, self.model.weights  # type: ignore[method-assign]

    def reset(self) -> None: ...

    def run(self, units: int) -> None:
        """One step after another."""
        step, batches = self.model.step, self.batches
        for unit in range(units):
            step(*batches[unit % BATCHES])

    def result(self) -> Named: ...
