"""Rows through onnxruntime, of the file that nncli or skl2onnx has written of one network.

python onnx_session.py FOLDER nncli|skl2onnx serves, as the frame says; its last word is the sum of the probabilities
of the first class.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
from frame import serve

folder, maker = Path(sys.argv[1]), sys.argv[2]
found = np.load(folder / "digits-parameters.npz")
X = found["X"]
if maker == "nncli":
    name, file = "inputs", (folder / "digits.onnx").read_bytes()
else:
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that one epoch is not enough
        model = make_pipeline(StandardScaler(), MLPClassifier((64, 64), max_iter=1))
        model.fit(np.random.default_rng(0).normal(size=(100, 64)).astype(np.float32), np.arange(100) % 10)
    scaler, network = model[0], model[1]
    scaler.mean_, scaler.scale_ = found["shift"], 1 / np.where(found["scale"] == 0, np.inf, found["scale"])
    network.coefs_ = [found[f"W{i}"] for i in range(3)]
    network.intercepts_ = [found[f"b{i}"] for i in range(3)]
    name = "X"
    file = to_onnx(model, X[:1], options={"zipmap": False}).SerializeToString()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
sums: list[float] = []


def run() -> None:
    sums[:] = [float(session.run(None, {name: X})[1][:, 0].sum())]


serve(run, lambda: sums[-1])
