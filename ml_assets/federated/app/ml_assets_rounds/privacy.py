"""How much noise so many rounds need, by zero-concentrated differential privacy.

Bun and Steinke, "Concentrated differential privacy", 2016: a Gaussian mechanism whose noise is `z`
times the sensitivity is 1/(2 z²)-zCDP; rounds add; rho-zCDP is (rho + 2 sqrt(rho ln(1/delta)),
delta)-DP.
"""

from __future__ import annotations

import math


def epsilon(noise: float, rounds: int, delta: float) -> float:
    """Return the epsilon of rounds with noise of so many times the sensitivity."""
    rho = rounds / (2 * noise**2)
    return rho + 2 * math.sqrt(rho * math.log(1 / delta))


def noise_for(wanted: float, rounds: int, delta: float) -> float:
    """Return the noise, in sensitivities, with which rounds have an epsilon.

    >>> round(epsilon(noise_for(2.0, 12, 1e-5), 12, 1e-5), 9)
    2.0
    """
    root = math.sqrt(math.log(1 / delta) + wanted) - math.sqrt(math.log(1 / delta))
    return math.sqrt(rounds / (2 * root**2))


def of_round(noise: float, delta: float) -> float:
    """Return the epsilon of one round by which Flower's mechanism makes this noise."""
    return math.sqrt(2 * math.log(1.25 / delta)) / noise
