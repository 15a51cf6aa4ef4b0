"""The options of a training run: each is defined once, read from text, written as text, and resolved. `option.py` holds
what an option is and the kinds of its values; `file_kinds.py` the kinds that say which files are read, and how.

May import `nn`, `data` and the rooms below them. Open `train_config.py` first.
"""
