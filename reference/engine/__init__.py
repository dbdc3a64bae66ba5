"""The engine: checks in order of dependency, for the lab's contract and for anybody's function alike."""

from reference.engine.examination import Check, Context, Effort, Examination, checked_options, first_sentence, select

__all__ = ["Check", "Context", "Effort", "Examination", "checked_options", "first_sentence", "select"]
