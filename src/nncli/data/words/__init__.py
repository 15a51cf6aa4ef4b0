"""Texts become sparse rows of numbers: words, n-grams, hashed counts and their TF-IDF weights.

Part of `data`; nothing here knows of tables, options of the command line or models. Open `features.py` first:
it and `tfidf.py` are in NumPy; `fused.py` does the same by the compiled `loops.py`, where `choice.py` says so.
"""
