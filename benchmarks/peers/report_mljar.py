"""mljar-supervised trains one network and writes its report of it, in the mode that explains most.

python report_mljar.py FILE.csv FOLDER; the last column is the target.
"""

from __future__ import annotations

import sys
import warnings

import pandas as pd
from supervised import AutoML

warnings.simplefilter("ignore")
frame = pd.read_csv(sys.argv[1], skipinitialspace=True)
y = frame.pop(frame.columns[-1])
automl = AutoML(
    mode="Explain",
    algorithms=["Neural Network"],
    train_ensemble=False,
    results_path=sys.argv[2],
    random_state=0,
    verbose=0,
)
automl.fit(frame, y)
automl.report()
