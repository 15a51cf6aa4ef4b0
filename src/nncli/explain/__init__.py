"""Why a model answers as it does: which columns it goes by, and what made it predict the class of a row.

May import `training` and the rooms below it. Open `importance.py` first; `columns.py` says which inputs of the network
each column of the data has become.
"""
