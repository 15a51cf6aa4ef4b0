"""Scalar computation graphs with backpropagation, and expressions that become such graphs.

Part of `nn`. Open `graph.py` first.
"""
