"""The server: it answers requests over HTTP with the predictions of saved models, the same that `nncli predict` gives.

Open `app.py` first: which requests there are, and who is let in. `bodies.py` reads what is sent, `answerer.py` makes
the answers, `models.py` keeps the models and takes up changed files, `running.py` starts and stops it all. May import
from inference and from what it stands on; Starlette, uvicorn and prometheus_client are imported here and in play alone.
"""
