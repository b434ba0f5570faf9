"""How often is there an alarm over time where nothing changed, and how soon where something did?

    python -m benchmarks.alarms [--repeats 1000]

Days are drawn anew each time: independent ones, ones that depend on the day before, ones with a
week, and ones whose level shifts. Tables for `docs/explanation/monitoring.md`.
"""

from __future__ import annotations

import argparse
import math
import sys

import numpy as np
from numpy.typing import NDArray

from ml_assets.stages.evaluate.coverage import exact
from ml_assets.stages.monitor import alarms

RATES = (0.01, 0.05)
LENGTHS = (60, 365, 5_000)
LAGS = (0.3, 0.6)
WEEK = np.array([0.0, 0.0, 0.0, 0.0, 0.5, -2.0, -2.0])
SHIFTS = (0.5, 1.0, 2.0, 3.0)
COLUMNS = 20


def days(
    number: int,
    seed: int,
    *,
    lag: float = 0.0,
    shift: float = 0.0,
    at: int = 0,
    week: bool = False,
) -> NDArray[np.float64]:
    """Return figures by day with a variance of 1, `shift` more from day `at` on.

    `lag` is how much a day's figure correlates with that of the day before.
    """
    drawn = np.random.default_rng([seed, number]).normal(size=number)
    for day in range(1, number):
        drawn[day] = lag * drawn[day - 1] + math.sqrt(1 - lag * lag) * drawn[day]
    drawn[at:] += shift
    return drawn + np.resize(WEEK, number) if week else drawn


def alarmed(values: NDArray[np.float64], rate: float, *, seasonal: bool = False) -> int | None:
    """Return the day of the alarm, or None; by day of the week if asked."""
    season = [day % len(WEEK) for day in range(len(values))] if seasonal else None
    return alarms.alarm_at(values, rate, season=season)


def _rates(repeats: int) -> None:
    said = sys.stdout.write
    said("| days | depend by | stated rate | streams | with an alarm | share | 95 % interval |\n")
    said("| ---: | --- | ---: | ---: | ---: | ---: | --- |\n")
    for number in LENGTHS:
        cases = [("nothing", {}, False), *((f"lag {lag}", {"lag": lag}, False) for lag in LAGS)]
        cases += [("a week", {"week": True}, False), ("a week, declared", {"week": True}, True)]
        for name, how, seasonal in cases:
            tries = repeats if number < LENGTHS[-1] else repeats // 5
            reached = [_peak(days(number, seed, **how), seasonal) for seed in range(tries)]
            for rate in RATES:
                found = sum(peak >= -math.log(rate) for peak in reached)
                low, high = exact(found, tries, 0.95)
                said(
                    f"| {number:,} | {name} | {rate} | {tries:,} | {found} | {found / tries:.3f} "
                    f"| {low:.3f} to {high:.3f} |\n"
                )
            sys.stdout.flush()


def _peak(values: NDArray[np.float64], seasonal: bool) -> float:
    season = [day % len(WEEK) for day in range(len(values))] if seasonal else None
    return float(alarms.martingale(values, season=season).max())


def _delays(repeats: int) -> None:
    said = sys.stdout.write
    said("\n| days before | shift | streams | alarm before | found in 90 days | median days |\n")
    said("| ---: | ---: | ---: | ---: | ---: | ---: |\n")
    for before in (30, 60, 180, 1_000):
        for shift in SHIFTS:
            found = [
                alarmed(days(before + 90, seed, shift=shift, at=before), 0.05)
                for seed in range(repeats)
            ]
            early = sum(day is not None and day < before for day in found)
            late = [math.inf if day is None else day - before + 1 for day in found]
            after = [delay for delay in late if delay > 0]
            share = sum(math.isfinite(delay) for delay in after) / len(after)
            median = float(np.median(after))
            shown = f"{median:.0f}" if math.isfinite(median) else "-"
            said(f"| {before} | {shift} | {repeats} | {early} | {share:.0%} | {shown} |\n")
            sys.stdout.flush()


def _columns(repeats: int) -> None:
    """Of 20 columns the first three shift; a look a stream, 60 days later."""
    named, wrong, shares = 0, 0, []
    for repeat in range(repeats):
        capital = []
        for column in range(COLUMNS):
            values = days(120, repeat * COLUMNS + column, shift=2.0 if column < 3 else 0.0, at=60)
            capital.append(math.exp(alarms.martingale(values)[-1]))
        chosen = alarms.e_bh(np.array(capital), 0.05)
        false = int((chosen >= 3).sum())
        named, wrong = named + len(chosen) - false, wrong + false
        shares.append(false / max(len(chosen), 1))
    sys.stdout.write(
        f"\n{COLUMNS} columns of which 3 shift by 2.0, e-BH at 0.05, {repeats} streams: {named} of "
        f"{3 * repeats} named, {wrong} wrongly; mean false share {np.mean(shares):.4f}\n"
    )


def main(argv: list[str]) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1000)
    repeats = parser.parse_args(argv).repeats
    _rates(repeats)
    _delays(max(repeats // 5, 1))
    _columns(max(repeats // 5, 1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
