"""nncli's permutation importance of the rows of a file, which a model judges; its last word is their sum.

python explain_nncli.py MODEL.npz ROWS.csv METRIC
"""

from __future__ import annotations

import sys
from pathlib import Path

from frame import serve

from nncli.system.threads import choose_kernels

choose_kernels()  # as the program does; before NumPy is imported

from nncli.cli.options import options_of_rows
from nncli.explain.importance import REPEATS, importances, permutations
from nncli.inference.evaluate import score
from nncli.inference.metrics import metric_for
from nncli.inference.rows_to_judge import rows_to_judge
from nncli.model import checkpoint

file, source, metric = sys.argv[1:]
model, provenance = checkpoint.load(Path(file))
text, policy = options_of_rows((source,), None, {})
read = rows_to_judge(model, provenance, file, (source,), text, on_error=policy, command="explain")
table = read.dataset.table.take(read.rows)
sums: list[float] = []


def explain() -> None:
    judged = score(model, read)
    orders = permutations(len(read.rows), REPEATS)
    found = importances(model, table, judged, metric_for(metric, judged), orders)
    sums.append(sum(one.importance for one in found.columns))


serve(explain, lambda: sums[-1])
