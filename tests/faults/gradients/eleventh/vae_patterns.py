"""A variational autoencoder for eight-pixel patterns; an Adam object keeps its moments by name."""

import numpy as np

np.random.seed(42)
prototypes = np.random.rand(4, 8) < 0.5
x_train = (prototypes[np.random.randint(0, 4, 40)] ^ (np.random.rand(40, 8) < 0.08)).astype(float)
input_dim, hidden_dim, latent_dim = 8, 6, 2


def glorot(fan_in, fan_out):
    return np.random.randn(fan_in, fan_out) * np.sqrt(2.0 / (fan_in + fan_out))


class Adam:
    def __init__(self, lr=0.02):
        self.lr, self.t, self.m, self.v = lr, 0, {}, {}

    def update(self, params, grads):
        self.t += 1
        for k, g in grads.items():
            self.m[k] = 0.9 * self.m.get(k, 0) + 0.1 * g
            self.v[k] = 0.999 * self.v.get(k, 0) + 0.001 * g**2
            mh, vh = self.m[k] / (1 - 0.9**self.t), self.v[k] / (1 - 0.999**self.t)
            params[k] = params[k] - self.lr * mh / (np.sqrt(vh) + 1e-8)


params = {
    "e_W": glorot(input_dim, hidden_dim),
    "e_b": np.zeros(hidden_dim),
    "mu_W": glorot(hidden_dim, latent_dim),
    "mu_b": np.zeros(latent_dim),
    "lv_W": glorot(hidden_dim, latent_dim),
    "lv_b": np.full(latent_dim, -1.0),
    "d_W": glorot(latent_dim, hidden_dim),
    "d_b": np.zeros(hidden_dim),
    "o_W": glorot(hidden_dim, input_dim),
    "o_b": np.zeros(input_dim),
}


def train_on_batch(x, optimizer):
    n = x.shape[0]
    # encoder
    h_e = np.tanh(x @ params["e_W"] + params["e_b"])
    mu = h_e @ params["mu_W"] + params["mu_b"]
    log_var = h_e @ params["lv_W"] + params["lv_b"]
    eps = np.random.randn(n, latent_dim)
    std = np.exp(0.5 * log_var)
    z = mu + std * eps
    # decoder
    h_d = np.tanh(z @ params["d_W"] + params["d_b"])
    x_hat = 1 / (1 + np.exp(-(h_d @ params["o_W"] + params["o_b"])))

    bce = -np.sum(x * np.log(x_hat) + (1 - x) * np.log(1 - x_hat)) / n
    kl = -0.5 * np.sum(1 + log_var - mu**2 - np.exp(log_var)) / n
    loss = bce + kl

    g = {}
    d_out = (x_hat - x) / n
    g["o_W"], g["o_b"] = h_d.T @ d_out, d_out.sum(0)
    d_hd = d_out @ params["o_W"].T * (1 - h_d**2)
    g["d_W"], g["d_b"] = z.T @ d_hd, d_hd.sum(0)
    d_z = d_hd @ params["d_W"].T
    d_mu = d_z + mu / n
    d_lv = d_z * eps * 0.5 * std + 0.5 * (np.exp(log_var) - 1) / n
    g["mu_W"], g["mu_b"] = h_e.T @ d_mu, d_mu.sum(0)
    g["lv_W"], g["lv_b"] = h_e.T @ d_lv, d_lv.sum(0)
    d_he = d_mu @ params["mu_W"].T + d_lv @ params["lv_W"].T
    d_he = d_he * (1 - h_e**2)
    g["e_W"], g["e_b"] = x.T @ d_he, d_he.sum(0)
    optimizer.update(params, g)
    return loss


adam = Adam()
elbo_losses = []
for epoch in range(12):
    shuffled = x_train[np.random.permutation(len(x_train))]
    batch_losses = [train_on_batch(batch, adam) for batch in np.split(shuffled, 4)]
    elbo_losses.append(np.mean(batch_losses))
    if epoch % 4 == 0:
        print(f"epoch {epoch}: -ELBO {elbo_losses[-1]:.3f}")

FAULTS = (
    [("d_mu = d_z + mu / n", "d_mu = d_z", "missing path")],
    [("d_mu = d_z + mu / n", "d_mu = (d_z + mu / n) * (1 - mu**2)", "extra derivative")],
    [("d_out = (x_hat - x) / n", "d_out = (x_hat - x) * x_hat * (1 - x_hat) / n", "output derivative twice")],
    [
        ("0.5 * (np.exp(log_var) - 1) / n", "0.5 * (1 - np.exp(log_var)) / n", "sign"),
        ("d_he = d_he * (1 - h_e**2)", "d_he = d_he * (1 - np.tanh(h_e) ** 2)", "derivative at the output"),
    ],
)
