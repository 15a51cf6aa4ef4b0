"""Use of a saved model: predictions for new rows, and metrics that say how good it is.

May import `training` and the rooms below it, but neither `diagnostics` nor `sweep`. Open `predict.py` first.
"""
