"""What the commands need of the machine: files, exit codes, processes, signals, progress bars.

``files`` and ``jsonfile`` write whole files, ``outputs`` those that the user asks for. ``workers`` starts processes,
which look for modules where ``searchpath`` says. ``progress`` shows bars, ``interruption`` handles SIGTERM.
``exit_codes``, ``cores`` and ``version`` hold what their names say.
"""
