"""Formats other than text tables, one file each.

Part of `data`. Open `idx.py` first, the simplest.
"""
