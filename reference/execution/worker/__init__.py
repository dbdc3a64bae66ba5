"""The code that runs in the worker process, beside the submission: it performs steps and replies with copies.

It knows no expected value. These modules import nothing but numpy, the standard library and each other, since the
worker process loads them from this folder without the rest of the package. The in-process executor uses them too.
"""
