"""Rounds, medians and ratios: contenders take turns, so that whatever else the machine does hits all of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_NOISY = 0.25
"""From this share of the median on, the distance between the quartiles makes a figure noisy."""

_FEWEST_FOR_QUARTILES = 4


@dataclass(frozen=True)
class Sample:
    """What one contender needed, round by round, in whatever unit was measured."""

    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The least."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The most."""
        return max(self.values)

    @property
    def is_noisy(self) -> bool:
        """Whether the rounds disagree so much that the median alone would mislead."""
        if len(self.values) < _FEWEST_FOR_QUARTILES:
            distance = self.high - self.low
        else:
            quartiles = statistics.quantiles(self.values, n=4)
            distance = quartiles[2] - quartiles[0]
        return distance > _NOISY * self.median

    def spread(self, unit: str, digits: int) -> str:
        """Give the least and the most as people read them, and say so when the rounds disagree."""
        text = f"{self.low:.{digits}f}-{self.high:.{digits}f} {unit}"
        return f"{text}, noisy" if self.is_noisy else text


def interleaved(
    contenders: Mapping[str, Callable[[int], float]], rounds: int, *, warm_up: bool = False
) -> dict[str, Sample]:
    """Let every contender take its turn in each round, another one first each time.

    Args:
        contenders: by name, what to measure: takes the number of the round and gives its figure.
        rounds: how many.
        warm_up: begin with a round that does not count, for caches and compiled byte code.
    """
    samples = {name: Sample() for name in contenders}
    names = list(contenders)
    for number in range(-1 if warm_up else 0, rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            value = contenders[name](number)
            if number >= 0:
                samples[name].values.append(value)
    return samples


def ratio(sample: Sample, floor: Sample) -> float:
    """Give how many times the floor a contender needs: the median of the rounds' own ratios.

    Compared within each round, since both met the same weather there.
    """
    return statistics.median(mine / least for mine, least in zip(sample.values, floor.values, strict=True))
