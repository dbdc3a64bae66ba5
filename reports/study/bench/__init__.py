"""The benchmarks of `bp bench`: one module for each, with a function ``run(effort, say)`` that returns tables.

``registry`` has their names. They share ``tables`` and ``render`` (results, and how the terminal shows them),
``timing`` (how programs are timed against each other), ``environment`` (the machine), ``families`` (logits that are
hard for a formula), ``products`` (the matrix products of training alone) and ``torch_training`` (training with
PyTorch).
"""
