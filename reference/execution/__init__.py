"""Executors, which run the code that is judged: in this process, or in a sandbox, confined in a worker process."""
