"""What the commands share: files, progress, interruption, exit codes."""
