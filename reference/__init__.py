"""The examiner: judges implementations of the lab's layers, and any numpy gradient. It never imports ``bp``."""
