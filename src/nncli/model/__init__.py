"""A trained model, and the file that holds it: written whole, read without trust.

May import `config` and the rooms below it; it does not know the trainer. Open `model.py` first, then `checkpoint.py`;
`file_members.py` lists what is in the file.
"""
