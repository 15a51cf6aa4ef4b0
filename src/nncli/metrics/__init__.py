"""Metrics of judged rows: how good predictions are, how sure the figure is, and whether two models differ.

May import `nn`, `data` and the rooms below them. Open `definitions.py` first: a metric is one class there. `rows.py`
has what is known of judged rows, `intervals.py` how sure a figure is, `paired.py` the tests of a difference.
"""
