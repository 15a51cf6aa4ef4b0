"""What read_nncli.py does, with pandas, which is told the types of the columns."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd

path, target = sys.argv[1:]
names = pd.read_csv(path, nrows=0).columns
frame = pd.read_csv(path, dtype={name: "category" if name == target else np.float32 for name in names})
frame.pop(target)
X = frame.to_numpy()
print(json.dumps([len(X), *(float(X[:, i].sum(dtype=float)) for i in range(0, X.shape[1], 29))]))
