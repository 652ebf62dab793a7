"""Rounds, medians and ratios. Contenders take turns, so that other load on the machine affects all of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_NOISY = 0.25
"""A figure is noisy if its interquartile range exceeds this share of the median."""

_FEWEST_FOR_QUARTILES = 4


@dataclass(frozen=True)
class Sample:
    """The values of one contender, one per round, in any unit."""

    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The largest value."""
        return max(self.values)

    @property
    def is_noisy(self) -> bool:
        """Whether the rounds vary so much that the median alone would mislead."""
        if len(self.values) < _FEWEST_FOR_QUARTILES:
            distance = self.high - self.low
        else:
            quartiles = statistics.quantiles(self.values, n=4)
            distance = quartiles[2] - quartiles[0]
        return distance > _NOISY * self.median

    def spread(self, unit: str, digits: int) -> str:
        """Return the range of the values as text, marked if it is noisy."""
        text = f"{self.low:.{digits}f}-{self.high:.{digits}f} {unit}"
        return f"{text}, noisy" if self.is_noisy else text


def interleaved(
    contenders: Mapping[str, Callable[[int], float]], rounds: int, *, warm_up: bool = False
) -> dict[str, Sample]:
    """Measure every contender once per round, starting with another one each time.

    Args:
        contenders: by name, a function that takes the number of the round and returns a value.
        rounds: number of rounds.
        warm_up: start with a round that does not count, to fill caches and compile byte code.
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
    """Return the median of the ratios of a contender to the baseline, round by round.

    Within a round, both run under the same conditions.
    """
    return statistics.median(mine / least for mine, least in zip(sample.values, floor.values, strict=True))
