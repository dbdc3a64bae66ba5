"""The engine: checks in order of dependency, for the lab's contract and for anybody's function alike."""

from reference.engine.check import Check, first_sentence
from reference.engine.context import Context, Effort, checked_options
from reference.engine.examination import Examination, select

__all__ = ["Check", "Context", "Effort", "Examination", "checked_options", "first_sentence", "select"]
