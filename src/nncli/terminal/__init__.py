"""Everything that is printed for a person: one printer per command, and the tables and progress bars they share.

May import every room but `cli`. Open `tables.py` first, then the printer of a command, such as `evaluation.py`.
"""
