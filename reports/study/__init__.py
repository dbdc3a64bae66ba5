"""Makes the report and the benchmarks.

``plan`` lists the parts of the report, ``gather`` does them or takes them from the ``cache``, ``draw`` makes the
figures, and ``build`` writes the documents. A ``part`` is a training run (``runs``, with ``facts`` and ``digits`` about
it; ``submission_runs`` for a submission; ``instability`` for many short ones) or a measurement (``verification``,
``known_mistakes``, ``saturation``, ``steps``). ``usual_tests`` has the tests with which our examiner is compared,
``formulas`` the ways to compute softmax that are compared. ``bench`` holds the benchmarks.
"""
