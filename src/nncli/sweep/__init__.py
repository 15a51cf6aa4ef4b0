"""Many training runs: which ones, in which order, where they run, how they are recorded and ranked.

May import `training` and the rooms below it, but neither `diagnostics` nor `inference`. Open `runner.py` first.
"""
