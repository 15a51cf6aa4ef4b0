"""Reports: one page on a model, two models or a sweep, for people who were not there.

May import `explain`, `figures`, `diagnostics`, `inference`, `sweep` and the rooms below them. Open `document.py` first,
which says what a report is made of, then `of_model.py`, which writes one. `page.py` and `markdown.py` turn it into a
file.
"""
