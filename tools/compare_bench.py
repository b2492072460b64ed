"""Say which ratio of two runs of `make bench` moved by more than its noise.

    python tools/compare_bench.py BEFORE.json AFTER.json [--level 0.01] [--least 0.05] [--anyway]

A ratio is the peer's time by ours, of runs in turns: one a repeat. It moved where a Mann-Whitney
test tells the repeats of both runs apart (five and five, where they don't overlap), whatever the
outliers, and the medians differ by more than --least, which processes do without any reason.

Exits with 1 if a ratio moved, with 2 if the files can't be compared: of other machines, say.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from scipy import stats

#: Fewer repeats tell too little about noise.
LEAST_REPEATS = 5


class NotComparable(Exception):
    """Why two files can't be compared."""


def read_run(path):
    """Machine, version and ratios of a run, checked."""
    try:
        run = json.loads(Path(path).read_text())
        machine, ratios = dict(run["machine"]), dict(run["ratios"])
        ratios = {name: np.array(values, dtype=float) for name, values in ratios.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotComparable(f"{path} is no file of make bench: {error!r}") from error
    for name, values in ratios.items():
        if values.ndim != 1 or len(values) < LEAST_REPEATS:
            raise NotComparable(f"{path}: {name!r} needs {LEAST_REPEATS} repeats or more.")
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise NotComparable(f"{path}: {name!r} has ratios that are not above 0.")
    return machine, ratios


def differences(before, after):
    """The facts of two machines that differ, one a line."""
    return [
        f"{name}: {before.get(name, '-')} before, {after.get(name, '-')} after"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def spread(values):
    """How far repeats lie apart: half of it to each side, as a factor less one."""
    return np.sqrt(values.max() / values.min()) - 1


def compare(before, after, level=0.01, least=0.05):
    """Rows (name, the two runs, change, verdict) of the ratios that both runs have."""
    rows = []
    for name in (name for name in before if name in after):
        both = before[name], after[name]
        change = np.median(both[1]) / np.median(both[0])
        apart = stats.mannwhitneyu(*both, method="exact").pvalue <= level
        moved = apart and not 1 / (1 + least) <= change <= 1 + least
        verdict = ("faster" if change > 1 else "slower") if moved else ""
        rows.append((name, both, change, verdict))
    return rows


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--level", type=float, default=0.01, help="of false alarms, for each ratio")
    parser.add_argument("--least", type=float, default=0.05, help="change that is always noise")
    parser.add_argument("--anyway", action="store_true", help="compare other machines, too")
    options = parser.parse_args(arguments)
    try:
        (machine, before), (other, after) = map(read_run, (options.before, options.after))
        differ = differences(machine, other)
        if differ and not options.anyway:
            raise NotComparable(
                "These runs are of machines that differ; --anyway compares them all the same.\n  "
                + "\n  ".join(differ)
            )
        if not set(before) & set(after):
            raise NotComparable("These runs have no ratio in common.")
    except NotComparable as error:
        print(error, file=sys.stderr)
        return 2
    for line in differ:
        print(f"Differs: {line}")
    rows = compare(before, after, options.level, options.least)
    width = max(len(row[0]) for row in rows)
    print(
        f"{'peer / ours':{width}}  {'before':>9} {'noise':>6}  {'after':>9} {'noise':>6}   change"
    )
    for name, runs, change, verdict in rows:
        told = [f"{np.median(run):9.3g} ±{100 * spread(run):4.0f}%" for run in runs]
        print(f"{name:{width}}  {'  '.join(told)}  {100 * (change - 1):+6.1f}%  {verdict}".rstrip())
    for name in sorted(set(before) ^ set(after)):
        print(f"Only {'before' if name in before else 'after'}: {name}")
    moved = [row[0] for row in rows if row[-1]]
    print(f"{len(moved)} of {len(rows)} ratios moved by more than their noise.")
    return int(bool(moved))


if __name__ == "__main__":
    sys.exit(main())
