"""Runs the lab's experiments.

``experiments`` has their settings, their networks and how one is run. ``data`` gets MNIST from one of the ``sources``.
``checkpoint`` saves a run so that it can go on later.
"""
