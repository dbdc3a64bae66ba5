"""Every sentence about code that was judged, made from facts; and the vocabulary of mistakes. Nothing here judges.

A check says what it found in a `Fact`: a kind and fields. `reference.wording.sentences` has the sentence of each kind,
`reference.wording.vocabulary` what each mistake means. No program reads a sentence.
"""

from reference.wording.facts import Fact, fact
from reference.wording.vocabulary import MISTAKES, hint_of, in_words

__all__ = ["MISTAKES", "Fact", "fact", "hint_of", "in_words"]
