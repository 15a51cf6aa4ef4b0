"""File formats other than text tables, one file each, and the list of all formats.

Part of `data`. Open `known_formats.py` first: a new format is a line there and a module here, such as `idx.py`.
"""
