"""One module for each command, with a function ``run(arguments)`` that does the work and returns the exit code.

``check_course`` is the part of ``bp check`` for ``--all``; ``pytest_plugin`` is what ``pytest --bp`` runs.
"""
