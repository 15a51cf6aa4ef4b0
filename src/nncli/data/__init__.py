"""Files and arrays become rows: found, read, checked, split and scaled.

May import `registry`, `system` and `errors`, but not `nn`. Open `load.py` first: it says which reader reads what.
"""
