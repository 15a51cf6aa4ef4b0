"""Checks that train nothing: of gradients, of the graph of a network, and of data.

May import `training` and the rooms below it, but neither `sweep` nor `inference`. Open `gradcheck.py` first.
"""
