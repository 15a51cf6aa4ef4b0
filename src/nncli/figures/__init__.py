"""Figures as data: what is drawn, with its scales and titles, and the picture files that it becomes.

May import `inference`, `sweep`, `diagnostics` and the rooms below them. Open `figure.py` first, which says what a
figure is made of, then `kinds.py`: a figure is one class.
"""
