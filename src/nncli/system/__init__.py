"""Services of the operating system: atomic files, scratch folders, processes, clusters, threads, stdout and stderr.

May import `errors` alone. Open `output.py` first.
"""
