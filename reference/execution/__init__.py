"""Where the code that is judged runs: in this process, or confined in a process of its own."""
