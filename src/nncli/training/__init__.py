"""One training run: from the options and the data to a trained model and its figures.

May import `model` and the rooms below it. Open `run.py` first: `prepare.py` makes the data ready for it, `trainer.py`
has the loop over the epochs, `guards.py` what ends it early, and `resume.py` continues a run from its file.
"""
