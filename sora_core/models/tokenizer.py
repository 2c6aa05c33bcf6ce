"""Subword tokenizer: byte-level byte-pair encoding, so that no word, typo, emoji or script is unknown.

Source: Sennrich et al. 2016, arXiv:1508.07909, algorithm 1, over bytes as in GPT-2.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from ..errors import CheckpointError, PromptError

PAD, BEGIN = 0, 1
FIRST_BYTE = 2          # ids 2..257 are the 256 bytes, further ids are merges in order
FIRST_MERGE = FIRST_BYTE + 256
WORDS = re.compile(r" ?\w+| ?[^\w\s]")   # a word or a mark, with the space before it; digits stay with words


def normalise(text: str) -> str:
    """NFKC, lower case, single spaces; "Ball", "BALL" and "ball" are one word.

    Raises:
        PromptError: the text holds NUL or half of a surrogate pair.
    """
    if "\0" in text or any(0xD800 <= ord(c) < 0xE000 for c in text):
        raise PromptError("the prompt holds a NUL or a broken character; remove it and try again")
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


class Tokenizer:
    """Text to ids and back.

    Args:
        merges: pairs of ids, in the order in which they were learnt.
    """

    def __init__(self, merges: list[tuple[int, int]]) -> None:
        self.merges = [tuple(pair) for pair in merges]
        self.ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._word = lru_cache(maxsize=65536)(self._encode_word)

    @property
    def vocabulary_size(self) -> int:
        return FIRST_MERGE + len(self.merges)

    def encode(self, text: str) -> list[int]:
        """Ids of `text`, beginning with BEGIN; the empty text is [BEGIN], the unconditional prompt."""
        ids = [BEGIN]
        for word in WORDS.findall(" " + normalise(text)):
            ids.extend(self._word(word))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Text of `ids`; what `encode` normalised away stays lost."""
        data = b"".join(self._bytes(i) for i in ids if i >= FIRST_BYTE)
        return data.decode("utf-8", errors="replace").strip()

    def _bytes(self, token: int) -> bytes:
        if token < FIRST_MERGE:
            return bytes([token - FIRST_BYTE])
        left, right = self.merges[token - FIRST_MERGE]
        return self._bytes(left) + self._bytes(right)

    def _encode_word(self, word: str) -> tuple[int, ...]:
        ids = [FIRST_BYTE + byte for byte in word.encode("utf-8")]
        while len(ids) > 1:
            rank, index = min((self.ranks.get(pair, len(self.ranks)), i)
                              for i, pair in enumerate(zip(ids, ids[1:], strict=False)))
            if rank == len(self.ranks):
                break
            ids[index:index + 2] = [FIRST_MERGE + rank]
        return tuple(ids)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "byte-bpe", "merges": [list(pair) for pair in self.merges]}

    @classmethod
    def from_json(cls, value: Any) -> Tokenizer:
        """Read a checkpoint's vocabulary.

        Raises:
            CheckpointError: not a vocabulary of this kind, or a merge of ids that don't exist yet.
        """
        merges = value.get("merges") if isinstance(value, dict) and value.get("kind") == "byte-bpe" else None
        if not isinstance(merges, list):
            raise CheckpointError("the checkpoint's vocabulary is missing or damaged; use another checkpoint")
        for rank, pair in enumerate(merges):
            if not (isinstance(pair, list) and len(pair) == 2
                    and all(type(i) is int and FIRST_BYTE <= i < FIRST_MERGE + rank for i in pair)):
                raise CheckpointError(f"the checkpoint's vocabulary is damaged at merge {rank}; use another checkpoint")
        return cls([tuple(pair) for pair in merges])


def train_tokenizer(texts: Iterable[str], vocabulary_size: int, begin: Tokenizer | None = None) -> Tokenizer:
    """Learn merges from `texts` until the vocabulary is full or no pair occurs twice.

    `begin` is a tokenizer whose merges come first and keep their ids, so that a trained model can learn new words.
    """
    begin = begin or Tokenizer([])
    counts = Counter(word for text in texts for word in WORDS.findall(" " + normalise(text)))
    words = [(list(begin._word(word)), count) for word, count in sorted(counts.items())]
    merges = list(begin.merges)
    while FIRST_MERGE + len(merges) < vocabulary_size:
        pairs: Counter[tuple[int, int]] = Counter()
        for ids, count in words:
            for pair in zip(ids, ids[1:], strict=False):
                pairs[pair] += count
        best = max(pairs, key=lambda pair: (pairs[pair], pair), default=None)
        if best is None or pairs[best] < 2:
            break
        new = FIRST_MERGE + len(merges)
        merges.append(best)
        for ids, _ in words:
            i = 0
            while i < len(ids) - 1:
                if (ids[i], ids[i + 1]) == best:
                    ids[i:i + 2] = [new]
                i += 1
    return Tokenizer(merges)
