"""Nets whose parts do not do what they are there for: ML005, ML006, ML007, ML009, ML010, ML017, ML018."""

import numpy as np
from lint_programs import Of, fault, images, mlp, numbers, table

import maplet as mp
from maplet import nn

# ── ML005: a parameter without a path to the loss ────────────────────────────────────────────────


@fault("ML005")
def a_layer_that_is_not_called():
    return Of(lambda net, x: net.used(x), used=mlp(), spare=nn.Linear(5, 3)), nn.cross_entropy, table()


@fault("ML005")
def a_stopped_gradient():
    def forward(net, x):
        return net.outer(mp.stop_gradient(mp.relu(net.inner(x))))

    return Of(forward, inner=nn.Linear(5, 8, rng=0), outer=nn.Linear(8, 3, rng=1)), nn.cross_entropy, table()


@fault("ML005")
def a_comparison_on_the_way():
    def forward(net, x):
        return net.outer((net.inner(x) > 0).astype(mp.float32))

    return Of(forward, inner=nn.Linear(5, 8, rng=0), outer=nn.Linear(8, 3, rng=1)), nn.cross_entropy, table()


@fault("ML005")
def a_scale_that_is_forgotten():
    net = Of(lambda net, x: net.body(x), body=mlp(), scale=mp.Parameter(mp.ones((3,))))
    return net, nn.cross_entropy, table()


@fault("ML005")
def a_function_of_a_dict():
    theta = {"w": mp.ones((5,)), "b": mp.zeros(())}
    return lambda theta, x: mp.mean((x @ theta["w"]) ** 2), (theta, numbers()[0])


@fault("ML005")
def rounded_on_the_way():
    net = Of(lambda net, x: net.outer(net.inner(x).astype(mp.int32).astype(mp.float32)),
             inner=nn.Linear(5, 8, rng=0), outer=nn.Linear(8, 1, rng=1))  # fmt: skip
    return net, "mse", numbers()


# ── ML006: parameters that begin equal ───────────────────────────────────────────────────────────


@fault("ML006")
def the_same_seed_twice():
    net = nn.Sequential(nn.Linear(5, 5, rng=0), nn.ReLU(), nn.Linear(5, 5, rng=0), nn.ReLU(), nn.Linear(5, 3, rng=1))
    return net, nn.cross_entropy, table()


@fault("ML006")
def one_array_for_two_parameters():
    start = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32)
    forward = lambda net, x: net.outer(mp.tanh(x @ net.u) * mp.sigmoid(x @ net.v))
    net = Of(forward, u=mp.Parameter(start), v=mp.Parameter(start), outer=nn.Linear(8, 1, rng=0))
    return net, "mse", numbers()


@fault("ML006")
def branches_with_one_seed():
    branches = nn.Parallel(*[nn.Sequential(nn.Linear(5, 4, rng=7), nn.Tanh()) for _ in range(3)])
    return nn.Sequential(branches, nn.Linear(12, 3, rng=8)), nn.cross_entropy, table()


@fault("ML006")
def experts_from_a_factory():
    def forward(net, x):
        return sum(expert(x) for expert in net.experts)

    return Of(forward, experts=[mlp(seed=4), mlp(seed=4)]), nn.cross_entropy, table()


@fault("ML006")
def a_list_of_layers_times_three():
    rng = mp.random.Generator(0)
    hidden = [nn.Linear(8, 8, rng=rng), nn.ReLU()] * 3
    net = nn.Sequential(nn.Linear(5, 8, rng=rng), nn.ReLU(), *hidden, nn.Linear(8, 3, rng=rng))
    return net, nn.cross_entropy, table()


@fault("ML006")
def one_block_in_every_place_of_a_list():
    def forward(net, x):
        for block in net.blocks:
            x = x + block(x)
        return net.head(x)

    block = nn.Sequential(nn.LayerNorm(5), nn.Linear(5, 5, rng=1), nn.GELU(), nn.Linear(5, 5, rng=2))
    return Of(forward, blocks=[block] * 4, head=nn.Linear(5, 3, rng=3)), nn.cross_entropy, table()


# ── ML007: frozen by accident ────────────────────────────────────────────────────────────────────

outside = nn.Linear(5, 5, rng=5)
factor = mp.Parameter(mp.ones((5,)))


@fault("ML007")
def a_layer_from_outside():
    return Of(lambda net, x: net.body(mp.tanh(outside(x))), body=mlp()), nn.cross_entropy, table()


@fault("ML007")
def a_parameter_from_outside():
    return Of(lambda net, x: net.body(x * factor), body=mlp()), nn.cross_entropy, table()


class Holder:
    """No module, so that what it holds is not seen."""

    def __init__(self):
        self.layer = nn.Linear(5, 5, rng=6)


@fault("ML007")
def a_layer_in_an_object_that_is_no_module():
    net = Of(lambda net, x: net.body(mp.relu(net.holder.layer(x))), body=mlp(), holder=Holder())
    return net, nn.cross_entropy, table()


@fault("ML007")
def weights_that_are_plain_arrays():
    start = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32)
    forward = lambda net, x: net.outer(mp.tanh(x @ net.weight))
    return Of(forward, weight=mp.asarray(start), outer=nn.Linear(8, 1, rng=0)), "mse", numbers()


@fault("ML007")
def weights_of_several_layers_as_arrays():
    rng = np.random.default_rng(1)
    w1, w2 = (mp.asarray(rng.standard_normal(s).astype(np.float32)) for s in ((5, 8), (8, 3)))
    net = Of(lambda net, x: mp.relu(x @ net.w1) @ net.w2 + net.bias, w1=w1, w2=w2, bias=mp.Parameter(mp.zeros((3,))))
    return net, nn.cross_entropy, table()


# ── ML009: a branch that is dead ─────────────────────────────────────────────────────────────────


@fault("ML009")
def a_result_that_is_thrown_away():
    def forward(net, x):
        hidden = net.inner(x)
        net.norm(hidden)
        return net.outer(mp.relu(hidden))

    parts = {"inner": nn.Linear(5, 8, rng=0), "norm": nn.LayerNorm(8), "outer": nn.Linear(8, 3, rng=1)}
    return Of(forward, **parts), nn.cross_entropy, table()


@fault("ML009")
def a_branch_times_zero():
    net = Of(lambda net, x: net.body(x) + 0.0 * net.side(x), body=mlp(), side=nn.Linear(5, 3, rng=9))
    return net, nn.cross_entropy, table()


@fault("ML009")
def a_switch_that_is_always_off():
    forward = lambda net, x: mp.where(mp.asarray(False), net.side(x), net.body(x))
    return Of(forward, body=mlp(), side=nn.Linear(5, 3, rng=9)), nn.cross_entropy, table()


@fault("ML009")
def units_that_are_all_off():
    net = mlp()
    net.layers[0].bias = mp.Parameter(mp.full((16,), -30.0))
    return net, nn.cross_entropy, table()


@fault("ML009")
def an_auxiliary_head_without_its_loss():
    def forward(net, x):
        hidden = mp.tanh(net.inner(x))
        mp.softmax(net.auxiliary(hidden))
        return net.outer(hidden)

    parts = {"inner": nn.Linear(5, 8, rng=0), "auxiliary": nn.Linear(8, 2, rng=2), "outer": nn.Linear(8, 3, rng=1)}
    return Of(forward, **parts), nn.cross_entropy, table()


# ── ML010: a batch of one for a batch normalization ──────────────────────────────────────────────


def normalized():
    return nn.Sequential(nn.Linear(5, 8, bias=False, rng=0), nn.BatchNorm(8), nn.ReLU(), nn.Linear(8, 3, rng=1))


@fault("ML010")
def one_row():
    x, y = table()
    return normalized(), nn.cross_entropy, (x[:1], y[:1])


@fault("ML010")
def one_row_is_left_over():
    x, y = table(rows=33)
    return normalized(), nn.cross_entropy, (x, y), {"batch_size": 8}


@fault("ML010")
def one_image():
    x, y = images()
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, bias=False, rng=0), nn.BatchNorm(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4)
    )
    return net, nn.cross_entropy, (x, y), {"batch_size": 1}


@fault("ML010")
def a_layer_norm_of_one_feature():
    net = nn.Sequential(nn.Linear(5, 1, rng=0), nn.LayerNorm(1), nn.Tanh(), nn.Linear(1, 3, rng=1))
    return net, nn.cross_entropy, table()


@fault("ML010")
def a_normalization_by_hand_of_one_row():
    def forward(net, x):
        hidden = net.inner(x)
        hidden = (hidden - mp.mean(hidden, axis=0)) / mp.sqrt(mp.var(hidden, axis=0) + 1e-5)
        return net.outer(mp.relu(hidden))

    x, y = table()
    net = Of(forward, inner=nn.Linear(5, 8, bias=False, rng=0), outer=nn.Linear(8, 3, rng=1))
    return net, nn.cross_entropy, (x, y), {"batch_size": 1}


# ── ML017: linear in disguise ────────────────────────────────────────────────────────────────────


@fault("ML017")
def two_linear_layers():
    return nn.Sequential(nn.Linear(5, 16, rng=0), nn.Linear(16, 3, rng=1)), nn.cross_entropy, table()


@fault("ML017")
def three_linear_layers_after_flatten():
    net = nn.Sequential(nn.Flatten(), nn.Linear(72, 80, rng=0), nn.Linear(80, 80, rng=1), nn.Linear(80, 4, rng=2))
    return net, nn.cross_entropy, images()


@fault("ML017")
def two_convolutions():
    net = nn.Sequential(nn.Conv2d(2, 8, 3, rng=0), nn.Conv2d(8, 8, 3, rng=1), nn.ReLU(), nn.Flatten(), nn.Linear(32, 4))
    return net, nn.cross_entropy, images()


@fault("ML017")
def products_by_hand():
    rng = np.random.default_rng(2)
    w1, w2 = (mp.Parameter(rng.standard_normal(s).astype(np.float32)) for s in ((5, 8), (8, 1)))
    return Of(lambda net, x: (x @ net.w1) @ net.w2, w1=w1, w2=w2), "mse", numbers()


@fault("ML017")
def an_activation_only_after_the_second():
    net = nn.Sequential(nn.Linear(5, 8, rng=0), nn.Linear(8, 8, rng=1), nn.Tanh(), nn.Linear(8, 3, rng=2))
    return net, nn.cross_entropy, table()


# ── ML018: a bias before a normalization ─────────────────────────────────────────────────────────


@fault("ML018")
def a_linear_layer_with_bias():
    net = nn.Sequential(nn.Linear(5, 8, rng=0), nn.BatchNorm(8), nn.ReLU(), nn.Linear(8, 3, rng=1))
    return net, nn.cross_entropy, table()


@fault("ML018")
def a_convolution_with_bias():
    net = nn.Sequential(nn.Conv2d(2, 4, 3, rng=0), nn.BatchNorm(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4, rng=1))
    return net, nn.cross_entropy, images()


@fault("ML018")
def a_normalization_by_hand():
    def forward(net, x):
        hidden = net.inner(x)
        hidden = (hidden - mp.mean(hidden, axis=0)) / mp.sqrt(mp.var(hidden, axis=0) + 1e-5)
        return net.outer(mp.relu(hidden))

    return Of(forward, inner=nn.Linear(5, 8, rng=0), outer=nn.Linear(8, 3, rng=1)), nn.cross_entropy, table()


@fault("ML018")
def an_instance_norm():
    net = nn.Sequential(nn.Conv2d(2, 4, 3, rng=0), nn.InstanceNorm(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4, rng=1))
    return net, nn.cross_entropy, images()
