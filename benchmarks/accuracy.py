"""What a newcomer gets with defaults: mean test accuracy over five seeds, beside the figure that is promised.

python benchmarks/accuracy.py [FOLDER of the MNIST files]
"""

from __future__ import annotations

import statistics
import sys
from typing import Any

from nncli.config.train_config import TrainConfig
from nncli.training.prepare import prepare
from nncli.training.run import run_training

SEEDS = range(5)
PROMISED: list[tuple[str, dict[str, Any], float]] = [
    ("digits", {}, 0.97), ("iris", {}, 0.93), ("wine", {}, 0.95), ("breast-cancer", {}, 0.95),
    ("xor", {}, 0.98), ("moons", {}, 0.98), ("spirals", {}, 0.98),
]  # fmt: skip
PROMISED_MNIST: list[tuple[dict[str, Any], float]] = [
    ({"model": "softmax"}, 0.92), ({"hidden": (64,)}, 0.973), ({"hidden": (256,)}, 0.98),
]  # fmt: skip


def main() -> None:
    work = [*PROMISED, *((folder, options, least) for folder in sys.argv[1:] for options, least in PROMISED_MNIST)]
    print(f"{'data':16} {'options':24} {'mean':>7} {'sd':>6} {'least':>7} {'promised':>9}")
    for data, options, promised in work:
        found = []
        for seed in SEEDS:
            done = run_training(prepare(TrainConfig(data=(data,), seed=seed, **options)))
            assert done is not None
            found.append(done.figures["test"]["accuracy"])
        mean, spread = statistics.mean(found), statistics.stdev(found)
        options_shown = " ".join(f"{key}={value}" for key, value in options.items())
        print(
            f"{data[-16:]:16} {options_shown:24} {mean:7.2%} {spread:6.2%} {min(found):7.2%} {promised:9.1%} "
            f"{'' if mean >= promised else 'MISSED'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
