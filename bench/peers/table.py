#!/usr/bin/env python3
"""Writes the tables of records of peers.py in Markdown, as README.md has them, and the growth of the time with N.

    table.py RECORD.json...

Only what counts has a time: where an error is over the record's tolerance, or was not checked, that stands in its place. What a peer takes
stands with how many times that is gmmspec's time from the same start. Useful work and its share of the ceiling are of that time too.
"""
import itertools, json, sys

NAMES = {"torch_loop": "PyTorch, a component at a time", "two_products": "PyTorch, two products", "torch_compile": "PyTorch, compiled",
         "jax": "JAX", "scikit_learn": "scikit-learn"}
GROWTH_WITHIN, GROWTH_CONSTANT = 0.1, 30e-6  # what times may be off a line in N by, and what that may begin at


def rounded(value):
    """Three digits, or all before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def counts(error, within):
    return error is not None and error <= within


def own(row, state, within):
    """The milliseconds of gmmspec from a state, and the error."""
    error = row["error" + state]
    return [rounded(1e3 * row["seconds" + state]) if counts(error, within) else "—", "not checked" if error is None else f"{error:.0e}"]


def peer(row, name, within):
    """The milliseconds of a peer, and how many times gmmspec's that is."""
    found = row["peers"].get(name)
    if found is None:
        return "—"
    if "failed" in found:
        return "— (failed)"
    if not counts(found["error"], within):
        return "— (not checked)" if found["error"] is None else f"— (error {found['error']:.0e})"
    times = found["seconds"] / row["seconds"]
    return rounded(1e3 * found["seconds"]) + (f" ({times:.{0 if times >= 10 else 1}f}×)" if counts(row["error"], within) else "")


def rows(record, chosen):
    """The lines of a table of rows."""
    within = record["within"]
    converged = any("seconds_converged" in row for row in chosen)
    names = [name for name in NAMES if any(name in row["peers"] for row in chosen)]
    head = ["N", "M", "D", ""] + (["ms, from a start", "error", "ms, from where it ends", "error"] if converged else ["ms, from a start", "error"])
    head += ["TFLOP/s", "of the ceiling"] + [NAMES[name] for name in names]
    lines = [head, ["---"] * len(head)]
    for row in chosen:
        line = [str(row["n"]), str(row["m"]), str(row["d"]), row["covariance"] + (", 8σ apart" if row["apart"] else "")]
        line += own(row, "", within) + (own(row, "_converged", within) if converged else [])
        useful = row["operations"] / row["seconds"]
        line += [rounded(useful / 1e12), f"{100 * useful / record['ceiling']:.2g} %"] if counts(row["error"], within) else ["—", "—"]
        lines.append(line + [peer(row, name, within) for name in names])
    return ["| " + " | ".join(line).replace("|  |", "| |") + " |" for line in lines]


def growth(points):
    """The a and b of the line a + b N that is off times of N by the least share at worst, and that share.

    The best line for some three points errs at each by the same share, up, down and up, or the other way; the best for all is
    the best for those three of them at which that share is the largest.
    """
    best = (0, 0, 0)
    for (n1, t1), (n2, t2), (n3, t3) in itertools.combinations(sorted(points), 3):
        # a + b n = t (1 - e), t (1 + e), t (1 - e): the differences of neighbours are two equations in b and e.
        e = ((t3 - t2) * (n2 - n1) - (t2 - t1) * (n3 - n2)) / ((t3 + t2) * (n2 - n1) + (t2 + t1) * (n3 - n2))
        b = (t2 - t1 + e * (t2 + t1)) / (n2 - n1)
        if abs(e) >= best[2]:
            best = (t1 * (1 - e) - b * n1, b, abs(e))
    return best


def grown(record):
    """What is to be said of the times by N, if there are enough of them."""
    points = [(row["n"], row["seconds"]) for row in record["rows"] if row.get("series") == "n" and counts(row["error"], record["within"])]
    if len(points) < 3:
        return []
    a, b, worst = growth(points)
    met = worst <= GROWTH_WITHIN and a <= GROWTH_CONSTANT
    return [f"From N = {min(points)[0]} to {max(points)[0]} an iteration takes a + bN within {100 * worst:.2g} %, a = {a * 1e6:.1f} µs and b = {b * 1e9:.3g} ns: the target, "
            f"within {100 * GROWTH_WITHIN:.0f} % and a at most {GROWTH_CONSTANT * 1e6:.0f} µs, is {'met' if met else 'missed'} there."]


def text(record):
    """All tables of a record."""
    parts = [[f"{record['device']}: products of 16 bits at {record['ceiling'] / 1e12:.0f} TFLOP/s in the same run, errors within {record['within']:.0e}."]]
    for series in (None, "n", "m", "d"):
        chosen = [row for row in record["rows"] if row.get("series") == series]
        if chosen:
            parts.append(rows(record, chosen))
    parts.append(grown(record))
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: table.py RECORD.json...")
    print("\n\n".join(text(json.load(open(path))) for path in sys.argv[1:]))
