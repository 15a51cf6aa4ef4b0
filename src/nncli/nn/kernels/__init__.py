"""The loops that training spends its time in: first in NumPy, which one reads, and fused in Numba beside them.

`plain.py`    every kernel in NumPy: the form that the others are tested against, and what a machine without Numba uses
`fused.py`    the same calls, for those where a fused loop pays; all others stay in NumPy
`loops.py`    what `fused.py` calls: each loop does one part of the work, and several threads share the parts
`pool.py`     the threads that share them
`compiling.py`  how a loop is compiled, and where that is kept

Only `fused.py` and what stands behind it import Numba, and only a run that uses it imports them.
"""
