"""How often trials are wrong, and how long they take: simulated streams of block differences.

    python -m benchmarks.trials [--replays 2000]

A stream is the daily mean difference of two models' losses as a share of the largest possible:
normal with deviation 0.3, an AR(1) of the given lag, clipped to [-1, 1]. *Errors*: the arms are
swapped by a coin each day, so that neither model is better; "dependent" streams are not swapped,
and their mean is zero only in the long run. A trial is looked at every day, with labels that come
0, 7 or 30 days later. *Power*: a mean is planted; beside it a one-sided t-test with a number of
days that is fixed in advance and finds the mean in 80 % of streams. Intervals are exact (Clopper
and Pearson), 95 %.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import numpy as np
from scipy import stats

from ml_assets.stages.trial.verdict import judged

DAYS, DEVIATION = 90, 0.3
ALPHA, EQUIVALENT = 0.05, 0.1
LAGS = (0.0, 0.2, 0.45)
DELAYS = (0, 7, 30)
PLANTED = (-0.05, -0.1, -0.2)
LOOKED = 20
Stream = np.ndarray


def streams(rng: np.random.Generator, replays: int, days: int, lag: float) -> Stream:
    """Return (replays, days) of an AR(1) around zero."""
    noise = rng.normal(0.0, DEVIATION * np.sqrt(1 - lag**2), (replays, days))
    found = np.empty_like(noise)
    found[:, 0] = rng.normal(0.0, DEVIATION, replays)
    for day in range(1, days):
        found[:, day] = lag * found[:, day - 1] + noise[:, day]
    return found


def weekly(daily: Stream) -> Stream:
    """Return the means of whole weeks."""
    weeks = daily.shape[1] // 7
    return daily[:, : 7 * weeks].reshape(len(daily), weeks, 7).mean(axis=2)


def looked(values: Stream, delay: int) -> tuple[str, int]:
    """Return the verdict of daily looks and the day of the look, with labels `delay` days late."""
    for day in range(len(values) + delay):
        made = judged(
            values[: max(0, day + 1 - delay)], alpha=ALPHA, equivalent=EQUIVALENT, most=len(values)
        )
        if made.verdict != "running":
            return made.verdict, day + 1
    raise AssertionError("the last look decides")


def interval(found: int, of: int) -> str:
    """Return a share with its exact interval."""
    ends = stats.binomtest(found, of).proportion_ci(method="exact")
    return f"{100 * found / of:.1f} % ({100 * ends.low:.1f} to {100 * ends.high:.1f})"


def verdicts(values: Stream) -> list[tuple[str, int]]:
    """Return each stream's verdict and its block; looks at a prefix say the same."""
    found = []
    for stream in values:
        made = judged(stream, alpha=ALPHA, equivalent=EQUIVALENT, most=len(stream))
        found.append((made.verdict, len(stream) if made.at is None else made.at + 1))
    return found


def wrong(found: Iterable[tuple[str, int]]) -> int:
    """Return how many streams are declared better or worse."""
    return sum(verdict in ("better", "worse") for verdict, _ in found)


def fixed(planted: float, lag: float) -> int:
    """Return the days with which a one-sided t-test finds a mean in 80 % of streams.

    Its variance is the long-run one, (1 + lag) / (1 - lag) times that of independent days.
    """
    deviation = DEVIATION * np.sqrt((1 + lag) / (1 - lag))
    for days in range(3, 100_000):
        shift = abs(planted) / deviation * np.sqrt(days)
        critical = stats.t.ppf(1 - ALPHA, days - 1)
        if 1 - stats.nct.cdf(critical, days - 1, shift) >= 0.8:
            return days
    raise AssertionError("no number of days is enough")


def errors(replays: int) -> None:
    """Print the share of trials between equals that declare one better."""
    print("| streams | blocks | lag 0 | lag 0.2 | lag 0.45 |\n| --- | --- | --- | --- | --- |")
    for name, swapped in (("arms swapped by a coin", True), ("dependent days", False)):
        for blocks in ("day", "week"):
            cells = []
            for lag in LAGS:
                rng = np.random.default_rng(1)
                days = DAYS if blocks == "day" else 7 * (DAYS // 2)
                values = streams(rng, replays, days, lag)
                values = values if blocks == "day" else weekly(values)
                values = np.clip(values, -1.0, 1.0)
                if swapped:
                    values = values * rng.choice([-1.0, 1.0], values.shape)
                cells.append(interval(wrong(verdicts(values)), replays))
            print(f"| {name} | {blocks} | {' | '.join(cells)} |", flush=True)


def power(replays: int) -> None:
    """Print how often and when a planted difference is found."""
    print("| planted | lag | better | worse | equivalent | median days | fixed t-test, days |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for planted in PLANTED:
        for lag in LAGS:
            values = np.clip(
                streams(np.random.default_rng(2), replays, DAYS, lag) + planted, -1.0, 1.0
            )
            found = verdicts(values)
            shares = [
                interval(sum(verdict == name for verdict, _ in found), replays)
                for name in ("better", "worse", "equivalent")
            ]
            days = [day for verdict, day in found if verdict == "better"]
            median = f"{np.median(days):.0f}" if days else "-"
            print(
                f"| {planted} | {lag} | {' | '.join(shares)} | {median} | {fixed(planted, lag)} |",
                flush=True,
            )


def delays(replays: int) -> None:
    """Print what daily looks say where labels are late: the same, so many days later."""
    print("| labels late by | wrong | median day of the verdict, planted -0.2 |")
    print("| --- | --- | --- |")
    rng = np.random.default_rng(3)
    equal = np.clip(streams(rng, replays, DAYS, 0.0), -1, 1) * rng.choice([-1, 1], (replays, DAYS))
    better = np.clip(streams(rng, replays, DAYS, 0.0) - 0.2, -1, 1)
    for delay in DELAYS:
        found, late = ([(v, d + delay) for v, d in verdicts(each)] for each in (equal, better))
        # Each look computed anew, for some of the streams.
        assert [looked(stream, delay) for stream in equal[:LOOKED]] == found[:LOOKED]
        days = [day for verdict, day in late if verdict == "better"]
        said = interval(wrong(found), replays)
        print(f"| {delay} days | {said} | {np.median(days):.0f} |", flush=True)


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=2000)
    replays = parser.parse_args().replays
    errors(replays)
    print()
    power(replays)
    print()
    delays(replays)


if __name__ == "__main__":
    main()
