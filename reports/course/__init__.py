"""`bp check --all`: judges the submissions of a course, keeps their verdicts, and summarizes them.

``submissions`` finds them, ``unpack`` opens zip files, and ``parallel`` judges them in several processes, each of which
does one ``task`` after the other. An ``entry`` is what the summary needs of one verdict. The ``record`` keeps the
entries so that an interrupted run can go on; a ``seal`` on each line shows that it was not changed. ``summary`` shows
them all.
"""
