"""The options of a training run: each is defined once, read from text, written as text, and resolved.

May import `nn`, `data` and the rooms below them. Open `train_config.py` first.
"""
