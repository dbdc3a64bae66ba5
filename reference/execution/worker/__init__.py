"""What runs beside code under examination: it performs, answers with copies, and knows no truth.

These modules import numpy, the standard library and each other alone. In a process of its own they are loaded from this
folder without the rest of the package.
"""
