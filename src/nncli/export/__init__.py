"""Write a model for other programs: what is in `description.py`, in the language of each target.

Open `description.py` first: it turns a model into plain data, from which every target is written, and `golden.py` adds
rows with their answers, by which each written file checks itself. `targets.py` lists the targets. May import from
inference, model, and rooms below.
"""
