"""The report of a model that predicts numbers, in the unit of the target; the order is that of models of classes.

May import what `report` may. Open `report.py` first.
"""
