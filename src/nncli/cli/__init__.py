"""The command line: parse, call, show. One file per command, named like it, and no arithmetic.

May import every other room. Open `main.py` first: it ends every error. Then open the file of a command: `train.py`.
"""
