"""Files and arrays become rows: found, read, checked, split and scaled.

May import `registry`, `system` and `errors`, but not `nn`. Open `load.py` first; `source_files.py` says which
reader reads what.
"""
