"""What a saved model is used for: predictions for new rows, and figures that say how good it is.

May import `training` and the rooms below it, but neither `diagnostics` nor `sweep`. Open `predict.py` first.
"""
