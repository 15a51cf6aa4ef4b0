"""Train on from a model: begin with its parameters, and learn from rows that are ready."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from nncli.model.training_state import Epoch
from nncli.model.widened import two_scores, widened
from nncli.nn.network import Network
from nncli.system.workers import Stop, never
from nncli.training.prepare import Prepared
from nncli.training.run import Run, run_training
from nncli.training.start import Start

LOOKED_AT = 10_000  # training rows that tell how low the score of a new class begins


def go_on(
    prepared: Prepared,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    stop: Stop = never,
    reference: str | None = None,
) -> Run | None:
    """Train from the parameters of the model; see `run_training`. The run cannot be resumed: its end can be gone on
    from."""
    assert prepared.start is not None
    theta = beginning(prepared, prepared.start).theta
    run = run_training(prepared, on_epoch, stop, reference=reference, theta=theta)
    if run is None:
        return None
    return dataclasses.replace(run, provenance=dataclasses.replace(run.provenance, state=None))


def beginning(prepared: Prepared, start: Start) -> Network:
    """Return the network to begin with, which says of each row what the model says of it. A new class is as far behind
    as the last of the known ones is on average."""
    model, classes = start.model, prepared.dataset.classes
    lowest = [0.0] * model.network.copies
    if classes != model.classes:
        of_members = model.scores_of_members(prepared.dataset.table.take(prepared.split.train[:LOOKED_AT]))
        lowest = [
            float((two_scores(Z, model.loss) if Z.shape[1] == 1 else Z).min(axis=1).mean())
            for Z in of_members.astype(np.float64)
        ]
    return widened(model, prepared.preprocess, classes, prepared.target, lowest)
