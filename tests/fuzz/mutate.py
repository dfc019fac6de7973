"""Random changes to known inputs, for where no coverage-guided fuzzer runs; the same seed gives the same inputs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

MAX_INPUT = 8192
_NUMBERS = (
    0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 100, 127, 128, 129, 250, 254, 255, 256, 260, 1023, 1024, 1500, 32767,
    32768, 65534, 65535, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1,
)  # fmt: skip
"""Values at which lengths and counts go wrong."""


def mutations(seeds: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Endless inputs: each a seed with one to eight changes."""
    chance = random.Random(seed)
    while True:
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5, 8))):
            _change(chance, data, seeds)
        yield bytes(data[:MAX_INPUT])


def _change(chance: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    """One change, in place."""
    at = chance.randrange(len(data) + 1)
    n = chance.choice((1, 1, 2, 4, 8, 32))
    kind = chance.randrange(8)
    if kind == 0 and at < len(data):
        data[at] ^= 1 << chance.randrange(8)
    elif kind == 1 and at < len(data):
        data[at] = chance.randrange(256)
    elif kind == 2:
        size = chance.choice((1, 2, 2, 4))
        number = chance.choice(_NUMBERS) + chance.choice((-1, 0, 0, 1))
        field = (number & (1 << 8 * size) - 1).to_bytes(size, "big")
        data[at : at + size] = field if chance.random() < 0.5 else field[::-1]
    elif kind == 3:
        del data[at : at + n]
    elif kind == 4:
        data[at:at] = chance.randbytes(n)
    elif kind == 5:
        data[at:at] = data[at : at + n] * chance.choice((1, 2, 8))
    elif kind == 6:
        other = chance.choice(seeds)
        data[at:] = other[chance.randrange(len(other) + 1) :]
    else:
        del data[at:]
