"""What can be looked at without training: gradients that are checked, graphs that are unrolled, data that is surveyed.

May import `training` and the rooms below it, but neither `sweep` nor `inference`. Open `gradcheck.py` first.
"""
