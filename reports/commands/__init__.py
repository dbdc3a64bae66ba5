"""One module a command, each with ``run(arguments) -> exit code``; nothing else here prints."""
