"""Guards: what the training columns were like, and whether later rows are still like them.

May import: data, system, errors. Open `guard.py` first.
"""
