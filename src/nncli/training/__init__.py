"""One training run: from the options and the data to a trained model and its figures.

May import `model` and the rooms below it. Open `run.py` first: `prepare.py` makes the data ready for it, `trainer.py`
has the loop over the epochs, `guards.py` what ends it early, and `resume.py` continues a run from its file.

The trainer is put together from: `epoch_rows.py`, which rows are next; `batch_steps.py`, `row_steps.py` and
`optimum.py`, three ways to learn from them, with `rows_in_parts.py` for steps of very many; `learning_rate.py`, how
fast; `parameters.py`, what changes by it; `evaluator.py`, how good it is; `best_epoch.py`, what is kept. `state.py`
saves all of that, to go on from it.
"""
