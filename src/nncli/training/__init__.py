"""One training run: from the options and the data to a trained model and its figures.

May import `model` and the rooms below it. Open `run.py` first: it prepares nothing (`prepare.py`), and the loop over
the epochs stands in `trainer.py`.
"""
