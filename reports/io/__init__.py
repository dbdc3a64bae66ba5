"""What the commands need of the machine: files, exit codes, processes, signals, progress bars.

``files``, ``jsonfile`` and ``archive`` write whole files where ``destination`` says, ``outputs`` those that the user
asks for; ``lock`` keeps a second run away. ``streams`` makes standard output and error usable. ``workers`` starts
processes, which look for modules where ``searchpath`` says. ``progress`` shows bars, ``interruption`` handles SIGTERM.
``exit_codes``, ``cores`` and ``version`` hold what their names say.
"""
