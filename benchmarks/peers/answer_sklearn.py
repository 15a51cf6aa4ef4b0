"""python answer_sklearn.py FILE MODEL TARGET trains on a file; python answer_sklearn.py MODEL <rows >answers does what
`nncli predict MODEL` does, in chunks."""

from __future__ import annotations

import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.neural_network import MLPClassifier

ROWS = 50_000

if len(sys.argv) == 4:
    frame = pd.read_csv(sys.argv[1])
    y = frame.pop(sys.argv[3]).to_numpy(str)
    warnings.simplefilter("ignore")
    model = MLPClassifier((64,), max_iter=5).fit(frame.to_numpy(np.float32), y)
    Path(sys.argv[2]).write_bytes(pickle.dumps(model))
else:
    model = pickle.loads(Path(sys.argv[1]).read_bytes())
    sys.stdout.write("prediction\n")
    for chunk in pd.read_csv(sys.stdin.buffer, dtype=np.float32, chunksize=ROWS):
        sys.stdout.write("\n".join(model.predict(chunk.to_numpy())) + "\n")
