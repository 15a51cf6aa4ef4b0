"""Tables that are larger than memory: parsed once, and kept in files of numbers.

Part of `data`. Open `memmap.py` first, then `cache.py`.
"""
