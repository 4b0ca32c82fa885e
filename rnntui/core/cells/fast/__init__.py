"""The cells' fast path on the CPU: their equations again, for a whole sequence, forward and backward.

    recurrence.py     the order of the work: few large matrix products, one small one a time step
    lstm, gru, elman  what a cell does between two products, as loops that numba compiles
    arithmetic.py     numbers for those loops: bf16 storage, exp, sigmoid, tanh
    products.py       matrix products with weights packed once

The contract's tests hold every cell's path here to its `step`, and its gradients to gradcheck.
"""
