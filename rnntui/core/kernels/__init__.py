"""The cells' fast path: their equations again, for a whole sequence, forward and backward.

    recurrence.py     the order of the work, and the gradients: few large products, a small one a step
    lstm, gru, elman  what a cell does between two products, as loops that numba compiles
    kernels.py        what those loops are given
    arithmetic.py     numbers for those loops: bf16 storage, exp, sigmoid, tanh
    products.py       the small products by torch, weights packed once: in any precision, anywhere
    fused_sequence.py the small products and the loops in one, where the processor has the vectors for it
    scan.py           a sequence without any product between its steps: mingru and minlstm
    scan_cuda.py      the same on a GPU, by Triton
    softmax.py        the loss of many words in the place of their logits
    llvm_intrinsics.py, openmp.py, compiling.py   instructions, threads, the compiler
    kernel_cache.py   the folder that keeps what was compiled: checked before use, done without where need be

The contract's tests hold every cell's path here to its `step`, and its gradients to gradcheck.
"""
