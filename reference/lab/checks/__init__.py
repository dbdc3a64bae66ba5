"""The contract as checks: plain functions ``check_<promise>`` that raise a `Violation` where the promise is broken."""
