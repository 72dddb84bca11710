"""PyTorch, as its experts write it: fused optimizers, gradients set to None, images channels-last in memory."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import data
from benchmarks.contestants import pytorch_networks
from benchmarks.contestants.runner import Runner
from benchmarks.workloads import BATCHES, Convolution, Epoch, Learning, Product, Rows, Training, Update

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from benchmarks.data import Named
    from benchmarks.workloads import Network, Workload

    Step = Callable[[torch.Tensor, torch.Tensor], Any]


def prepare(workload: Workload, threads: int, variant: str) -> Runner:  # noqa: PLR0911  (a line for each kind)
    """Variants: eager; loader, eager with a DataLoader; compiled, the loss; whole, the whole step."""
    torch.set_num_threads(threads)
    match workload:
        case Training():
            return Steps(workload, variant)
        case Epoch():
            return WholeEpoch(workload, variant)
        case Learning():
            return pytorch_networks.Steps(workload, variant)
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


def forget(optimizer: torch.optim.Optimizer) -> None:
    """Set what an optimizer remembers, moments and counts, back to zero."""
    for remembered in optimizer.state.values():
        for array in remembered.values():
            array.zero_()


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
        kind = torch.optim.Adam if network.optimizer == "adam" else torch.optim.SGD
        self.optimizer = kind(self.net.parameters(), lr=network.learning_rate, fused=True)
        self.parameters = {name: parameter.detach() for name, parameter in self.net.named_parameters()}
        self.state = {
            moment: {name: torch.zeros_like(p) for name, p in self.parameters.items()} for moment in ("first", "second")
        }
        self.count = torch.zeros(())
        if variant == "whole":
            self.step: Step = self.whole_step()
        else:
            self.loss = torch.compile(self.forward, dynamic=False) if variant == "compiled" else self.forward
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
        rate, adam = self.network.learning_rate, self.network.optimizer == "adam"

        def loss(parameters: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return F.cross_entropy(torch.func.functional_call(self.net, parameters, (x,)), y)

        @torch.compile(fullgraph=True, dynamic=False, options={"cpp_wrapper": True})
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
        """The initial weights and an optimizer that has seen nothing; all stay the tensors that were compiled for."""
        with torch.no_grad():
            for n, layer in enumerate(self.linear):
                layer.weight.copy_(torch.from_numpy(self.initial[f"weight{n}"]).T)
                layer.bias.copy_(torch.from_numpy(self.initial[f"bias{n}"]))
        forget(self.optimizer)
        for tensors in (*self.state.values(), {"count": self.count}):
            for array in tensors.values():
                array.zero_()

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

    def reset(self) -> None:
        """The initial weights."""
        self.model.reset()

    def run(self, units: int) -> None:
        """One step after another."""
        step, batches = self.model.step, self.batches
        for unit in range(units):
            step(*batches[unit % BATCHES])

    def result(self) -> Named:
        """The weights."""
        return self.model.weights()


class WholeEpoch(Runner):
    """Epochs over the images: a permutation and tensor indexing, or a DataLoader as most people use it."""

    def __init__(self, workload: Epoch, variant: str) -> None:
        self.model, self.loader, self.batch = Model(workload.network, variant), variant == "loader", workload.batch
        images, labels = data.digits(workload.images)
        self.x, self.y = tensor(images), tensor(labels)

    def reset(self) -> None:
        """The initial weights; the shuffles go on."""
        self.model.reset()

    def batches(self, order: torch.Tensor | None) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
        """The batches of an epoch, shuffled if no order is given."""
        if self.loader:
            rows = TensorDataset(self.x, self.y)
            if order is None:
                return DataLoader(rows, batch_size=self.batch, shuffle=True)
            return DataLoader(rows, batch_size=self.batch, sampler=order.tolist())
        shuffled = torch.randperm(len(self.x)) if order is None else order
        return ((self.x[index], self.y[index]) for index in shuffled.split(self.batch))

    def run(self, units: int) -> None:
        """So many epochs."""
        for _ in range(units):
            for x, y in self.batches(None):
                self.model.step(x, y)

    def rehearse(self, units: int) -> None:
        """So many steps, in the order of the images."""
        self.reset()
        for x, y in self.batches(torch.arange(units * self.batch)):
            self.model.step(x, y)

    def result(self) -> Named:
        """The weights."""
        return self.model.weights()


# ── parts ────────────────────────────────────────────────────────────────────────────────────────


class Adam(Runner):
    """The update alone: the fused optimizer, or the one over lists of tensors, compiled."""

    def __init__(self, workload: Update, variant: str) -> None:
        self.initial, gradients = data.update(workload)
        self.parameters = {name: nn.Parameter(tensor(array)) for name, array in self.initial.items()}
        for name, parameter in self.parameters.items():
            parameter.grad = tensor(gradients[name])
        fast: dict[str, Any] = {"foreach": True} if variant == "compiled" else {"fused": True}
        self.optimizer = torch.optim.Adam(self.parameters.values(), lr=workload.learning_rate, **fast)
        self.update = torch.compile(self.optimizer.step) if variant == "compiled" else self.optimizer.step

    def reset(self) -> None:
        """The initial parameters and no moments."""
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(torch.from_numpy(self.initial[name]))
        forget(self.optimizer)

    def run(self, units: int) -> None:
        """One update after another, by the same gradients."""
        for _ in range(units):
            self.update()

    def result(self) -> Named:
        """The parameters."""
        return {name: parameter.detach().numpy() for name, parameter in self.parameters.items()}


class Stateless(Runner):
    """The same computation again and again."""

    def __init__(self) -> None:
        self.last: dict[str, torch.Tensor] = {}

    def reset(self) -> None:
        """Nothing is kept."""

    def compute(self) -> dict[str, torch.Tensor]:
        """Do it once; the results by the names of `reference`."""
        raise NotImplementedError

    def run(self, units: int) -> None:
        """One after another."""
        for _ in range(units):
            self.last = self.compute()

    def result(self) -> Named:
        """Those of the last."""
        return {name: found.detach().numpy() for name, found in self.last.items()}


class RowWise(Stateless):
    """Layer norm, gelu, cross-entropy, and autograd."""

    def __init__(self, workload: Rows, variant: str) -> None:
        super().__init__()
        x, gamma, beta, labels = (tensor(array) for array in data.rows(workload))
        self.labels, self.inputs = labels, [array.requires_grad_() for array in (x, gamma, beta)]

        def loss(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
            return F.cross_entropy(F.gelu(F.layer_norm(x, (workload.columns,), gamma, beta)), labels)

        self.loss = torch.compile(loss) if variant == "compiled" else loss

    def compute(self) -> dict[str, torch.Tensor]:
        """The loss and the three gradients."""
        loss = self.loss(*self.inputs)
        return dict(zip(("loss", "x", "gamma", "beta"), (loss, *torch.autograd.grad(loss, self.inputs)), strict=True))


class Multiplication(Stateless):
    """One product, written into a tensor that is there."""

    def __init__(self, workload: Product) -> None:
        super().__init__()
        first, second = (tensor(factor) for factor in data.product(workload))
        self.first = first.T if workload.turned == "first" else first
        self.second = second.T if workload.turned == "second" else second
        self.out = torch.empty(workload.rows, workload.columns)

    def compute(self) -> dict[str, torch.Tensor]:
        """Once."""
        return {"product": torch.mm(self.first, self.second, out=self.out)}


class Convolve(Stateless):
    """conv2d in PyTorch's channels-last format, which its CPU kernels like best."""

    def __init__(self, workload: Convolution) -> None:
        super().__init__()
        images, weights, cotangent = (tensor(array) for array in data.convolution(workload))
        self.images = images.permute(0, 3, 1, 2)  # (N, C, H, W), the channels still next to each other
        self.weights = weights.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
        self.cotangent, self.gradients = cotangent.permute(0, 3, 1, 2), workload.gradients
        for array in (self.images, self.weights):
            array.requires_grad_(workload.gradients)

    def compute(self) -> dict[str, torch.Tensor]:
        """Once; with gradients by autograd."""
        y = F.conv2d(self.images, self.weights, padding=1)
        found = {"y": y.permute(0, 2, 3, 1)}
        if self.gradients:
            images, weights = torch.autograd.grad(y, (self.images, self.weights), self.cotangent)
            found |= {"images": images.permute(0, 2, 3, 1), "weights": weights.permute(2, 3, 1, 0)}
        return found
