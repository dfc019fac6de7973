"""Rows of several cores become those of one: one dictionary of texts, message numbers that count on.

Each core numbers the texts that it meets by itself; here every number is replaced by that of the common dictionary.
Flows need nothing: each core counts them in a range of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sentinel.pairing import Batch
from sentinel.plugins import Protocol
from sentinel.wire.layout import F_DETAIL, I_NAME, L_NAME, L_TUNNEL, M_DETAIL, M_NAME, P_TEXT
from sentinel.wire.own import places


class Unifier:
    """The common dictionary of a run, and what the numbers of each worker mean in it."""

    def __init__(self, protocols: Sequence[Protocol], workers: int):
        self.texts = [""]
        self._ids = {"": 0}
        self._maps = [np.zeros(1, np.int64) for _ in range(workers)]
        self._own = {
            protocol.index: [k for k, extra in enumerate(protocol.table, start=1) if extra.type == "text"]
            for protocol in protocols
        }

    def grow(self, workers: int) -> None:
        """There are so many from now on."""
        self._maps += [np.zeros(1, np.int64) for _ in range(workers - len(self._maps))]

    def begin(self) -> None:
        """A new run: a new dictionary. Each worker's `forget` follows."""
        self.texts = [""]
        self._ids = {"": 0}

    def forget(self, worker: int) -> None:
        """The worker began its dictionary anew, or is another process now."""
        self._maps[worker] = np.zeros(1, np.int64)

    def learn(self, worker: int, texts: Sequence[str]) -> None:
        """Texts that the worker's dictionary has got since, in its order."""
        numbers = np.empty(len(texts), np.int64)
        for n, text in enumerate(texts):
            number = self._ids.get(text)
            if number is None:
                number = self._ids[text] = len(self.texts)
                self.texts.append(text)
            numbers[n] = number
        self._maps[worker] = np.concatenate([self._maps[worker], numbers])

    def batch(self, worker: int, batch: Batch) -> None:
        """Put the common numbers into a batch."""
        self._replace(worker, batch.messages, (M_NAME, M_DETAIL))
        self._replace(worker, batch.items, (I_NAME,))
        self._replace(worker, batch.points, (P_TEXT,))
        self._replace(worker, batch.faults, (F_DETAIL,))
        self.flows(worker, batch.flows)
        for index, cells in batch.extras.items():
            where = places(cells)
            self._replace(worker, cells, [where[column] for column in self._own[index] if column in where])

    def flows(self, worker: int, cells: np.ndarray) -> None:
        """Put the common numbers into rows of flows."""
        self._replace(worker, cells, (L_TUNNEL, L_NAME))

    def _replace(self, worker: int, cells: np.ndarray, columns: Sequence[int]) -> None:
        for column in columns:
            own = cells[:, column]
            if own.any():
                cells[:, column] = self._maps[worker].take(own, mode="clip")
