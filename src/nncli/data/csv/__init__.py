"""Text tables: two parsers that give the same cells, a strict one and a fast one, and what is decided before them.

Part of `data`. Open `reader.py` first.
"""
