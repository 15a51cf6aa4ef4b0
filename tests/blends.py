"""Blends of networks that were trained one by one: what a search makes, of parts that are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from nncli.cli.main import main
from nncli.config.resolve import resolve
from nncli.config.resolved import BlendPart
from nncli.config.train_config import TrainConfig
from nncli.explain.importance import _ShuffledRowsOfMembers
from nncli.model.checkpoint import load, save
from nncli.model.network import build_network, network_inputs
from nncli.nn.network import Network

# how often each counts: networks with other layers, activations and embeddings
KINDS = {
    "--model mlp --hidden 7x5 --activation prelu,tanh": 3,
    "--model tabular --hidden 6 --number-embedding pbld:frequencies=3:size=2": 2,
    "--model softmax": 1,
}
OF_NUMBERS = {{"--model softmax": "--model linear --optimizer adam"}.get(words, words): n for words, n in KINDS.items()}
Parts = Sequence[tuple[int, Path]]  # how often each counts, and the file that it has by itself


def train_blend(folder: Path, name: str, words: str, kinds: Mapping[str, int] = KINDS) -> tuple[Path, Parts]:
    """Train a network of each kind with these words, and save their blend."""
    parts = []
    for i, (kind, times) in enumerate(kinds.items()):
        part = folder / f"{name}-part{i}.npz"
        how = ["--scale", "robust", "--epochs", "4", "-q", "--json", "-o", str(part)]
        how += [] if "--ensemble" in words else ["--ensemble", "1"]
        assert main(["train", *words.split(), *kind.split(), *how]) == 0
        parts.append((times, part))
    save_blend(folder / f"{name}.npz", parts)
    return folder / f"{name}.npz", parts


def save_blend(path: Path, parts: Parts) -> None:
    """Save the blend of models that were trained on the same rows."""
    models = [load(file)[0] for _, file in parts]
    first, provenance = load(parts[0][1])
    own = first.config.options
    asked = TrainConfig(own.data, own.target, own.task, scale=own.scale, ensemble=own.ensemble or "1")
    loss = own.loss if own.loss == "binary-cross-entropy" else None  # which no search chooses, but a file may have it
    asked = dataclasses.replace(asked, model="auto", loss=loss, dtype=own.dtype)
    of_parts = [BlendPart(n, model.config.options) for (n, _), model in zip(parts, models, strict=True)]
    config = resolve(asked, provenance.n_rows, True).with_parts(of_parts)
    network, loss = build_network(config.model, network_inputs(first.preprocess), len(first.classes))
    network.theta[:] = np.concatenate([model.network.theta for model in models])
    save(path, dataclasses.replace(first, config=config, network=network, loss=loss), provenance)


def assert_scores_of_shuffled_rows(network: Network) -> None:
    """Hold the scores of rows with a shuffled column, as importances have them, against those of the network itself."""
    X = np.random.default_rng(0).normal(size=(50, network.widths[0]))
    order = np.random.default_rng(1).permutation(50)
    changed = X.copy()
    changed[:, 1] = X[order, 1]
    found = _ShuffledRowsOfMembers(network, X).of_thread().scores(slice(1, 2), order)
    np.testing.assert_allclose(found, network.forward(changed), rtol=1e-9, atol=1e-12)
