"""What the models reach on the 10,000 test images of MNIST: three seeds each, beside the figure that is promised.

python benchmarks/mnist.py FOLDER [SEEDS]

The last two rows are the recipes of docs/how-to/mnist.md, without distorted images and with them. Their options were
chosen on validation images, which are training images here: nothing was chosen on the test images. About 75 minutes on
two cores, nearly all for these rows.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

NNCLI = str(Path(sys.executable).with_name("nncli"))
HELD = "--dropout 0.5 --input-dropout 0.2 --lr 0.002 --batch-size 256 --val 0"
ROWS = [
    ("--model perceptron --epochs 5", 0.86), ("--model averaged-perceptron --epochs 5", 0.92),
    ("--model mira --epochs 5", 0.88), ("--model svm", 0.915), ("--hidden 300", 0.982),
    (f"--hidden 800 {HELD} --epochs 30", 0.985), (f"--hidden 1024x1024 {HELD} --max-norm 2 --epochs 110", 0.9885),
    ("--hidden 1024x512 --lr 0.001 --batch-size 256 --val 0 --epochs 110 --distort affine+elastic", 0.9945),
]  # fmt: skip


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder, seeds = sys.argv[1], range(int(sys.argv[2]) if len(sys.argv) == 3 else 3)
    print(f"{'mean':>8} {'sd':>6} {'least':>8} {'promised':>8} {'':6} {'seconds':>7}  nncli train {folder}")
    with tempfile.TemporaryDirectory() as temporary:
        for options, promised in ROWS:
            runs = [trained(folder, options, seed, temporary) for seed in seeds]
            accuracies = [run["test"]["accuracy"] for run in runs]
            mean = statistics.mean(accuracies)
            spread = f"{statistics.stdev(accuracies):6.2%}" if len(runs) > 1 else f"{'-':>6}"
            verdict = "met" if mean >= promised else "MISSED"
            print(
                f"{mean:8.2%} {spread} {min(accuracies):8.2%} {promised:8.2%} {verdict:6} "
                f"{max(run['seconds'] for run in runs):7.1f}  {options}",
                flush=True,
            )


def trained(folder: str, options: str, seed: int, temporary: str) -> dict[str, Any]:
    """What `nncli train --json` says."""
    command = [NNCLI, "train", folder, *options.split(), "--seed", str(seed), "--json", "--quiet"]
    done = subprocess.run([*command, "-o", f"{temporary}/m.npz"], stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    main()
