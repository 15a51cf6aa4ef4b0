"""Everything that is printed for a person: a printer for each command, and the tables and progress bars they share.

May import every room but `cli`. Open `tables.py` first, then the printer of a command, such as `evaluation.py`.
"""
