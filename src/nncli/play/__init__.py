"""The playground: a page in the browser on which a network is built, trained step by step, and looked at.

Open `session.py` first: what one page does with its data and its network. `server.py` answers the browser,
`protocol.py` says which messages it may send, and `page/` has what it shows, as files without a build step. May import
from diagnostics and figures, and from what they stand on; Starlette and uvicorn are imported here alone.
"""
