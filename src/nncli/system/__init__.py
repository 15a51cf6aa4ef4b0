"""What the operating system is asked for: files that are whole or absent, processes, threads, and the two streams.

May import `errors` alone. Open `output.py` first.
"""
