"""The verdict on code that nobody trusts: it runs confined, and what does not pass has failed."""

from reference.gate.classes import Judgement, Outcome, judge, located
from reference.gate.functions import judge_functions

__all__ = ["Judgement", "Outcome", "judge", "judge_functions", "located"]
