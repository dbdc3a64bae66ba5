"""The verdict on code that nobody trusts: it runs confined, and what does not pass has failed."""

from reference.gate.classes import Judgement, Outcome, judge, located

__all__ = ["Judgement", "Outcome", "judge", "located"]
