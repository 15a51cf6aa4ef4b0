"""Tell trackers of experiments about a run: its options, its epochs, its final figures and its model.

Open `tracker.py` first: what a tracker is, and how a run goes on when one fails. `tensorboard.py` and `mlflow.py` are
the two there are; their packages are imported there alone, and only if asked for. May import from model, and from what
that stands on.
"""
