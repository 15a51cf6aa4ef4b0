"""The loops that training spends its time in: first in NumPy, which one reads, and fused in Numba beside them.

Part of `nn`. Open `plain.py` first: it has every kernel in NumPy, which is the form that
the others are tested against, and what a machine without Numba uses.

choice.py        kernels by their name, as `--kernels` has it
fused.py         the same calls, for those where a fused loop pays; the others stay in NumPy
loops.py         what fused.py calls: each loop does one part of the work, and several threads share the parts
sparse_loops.py  the same for sparse rows, and for the rows of weights that they touch
missed_loops.py  the same for the steps that such rows of weights have missed
mark_loops.py    marks of the inputs that rows have entries for
unit_loops.py    loops over the hidden units of `tabular`: mish, dropout, periodic embedding
linear_steps.py  many steps of a linear model for sparse rows in one call: by step_loops.py for the weights that a step
                 touches, or by whole_step_loops.py for all
skipping_loops.py  products with rows that are stored with their zeros, most of which are 0, as pixels are
lanes.py         what these do to several numbers at once
bits.py          instructions that count bits
products.py      matrix products, shared in the same way
pool.py          the threads that share them

Only fused.py and what stands behind it load Numba, and only a run that uses it loads them.
"""
