"""The two workloads as a user of deel-torchlip 1.0.5 runs them; prints the times of ``fit``, loss and accuracy as JSON.

    python fit_torchlip.py --epochs 10 10                     # two moons, a first call and a later one
    python fit_torchlip.py --epochs 10 10 --mnist mnist.npz   # MNIST 0-8

Loss and accuracy are those of the last fit, of the exported network.
"""

import numpy as np
import torch
import workloads
from deel.torchlip import FrobeniusLinear, FullSort, GroupSort2, HKRLoss, Sequential, SpectralLinear


def fit(workload, activation, epochs, seed):
    """Build a network and train it by the loop of the library's demos."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sort = {"groupsort2": GroupSort2, "fullsort": FullSort}[activation]
    layers, n_inputs = [], workload.X.shape[1]
    for width in workload.widths:
        layers += [SpectralLinear(n_inputs, width), sort()]
        n_inputs = width
    model = Sequential(*layers, FrobeniusLinear(n_inputs, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=workload.rate)
    # Its alpha weighs the two terms by alpha and 1 − alpha; its hinge uses half of its min_margin.
    loss = HKRLoss(alpha=workloads.ALPHA / (1 + workloads.ALPHA), min_margin=2 * workload.margin)
    X, y = torch.from_numpy(workload.X), torch.from_numpy(workload.y)[:, None]
    model.train()
    for _ in range(epochs):
        for rows in map(torch.from_numpy, workload.batches(rng)):
            optimizer.zero_grad()
            loss(model(X[rows]), y[rows]).backward()
            optimizer.step()
    model.eval()

    def score(X):
        with torch.no_grad():
            return model.vanilla_export()(torch.from_numpy(X))[:, 0].numpy()

    return score


if __name__ == "__main__":
    workloads.run(__doc__, "deel-torchlip", fit)
