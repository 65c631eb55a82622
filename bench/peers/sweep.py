#!/usr/bin/env python3
"""Looks for cliffs: times an EM iteration of gmmspec on a GPU at sizes drawn at random, against what the GPU could do at best.

    sweep.py [-o OUT.json] [--count 60] [--seed 1] GMMSPEC

At best is the longest of three: the bytes, events in float32 twice and responsibilities of 16 bits out and in, at the rate of a copy; the
multiply-adds of the products of halves, three for log-densities and two for statistics, features and components padded to 16, at RUNG of
the rate of a product of matrices of 16 bits; and an exponential for each event and component, 16 a multiprocessor and cycle. The first two
rates are measured. Sizes at which that is under 1 ms are listed, and do not count. The exit status is 1 if one takes over MOST times as long.
"""
import argparse, json, os, sys, tempfile
import numpy as np
import torch
import peers

MOST = 4
COUNTS_FROM = 1e-3  # seconds at best
RUNG = 0.62  # of the rate of wgmma, by mma.sync
EXPONENTIALS = 16  # a cycle of a multiprocessor


def copy_rate():
    """Bytes a second, read or written."""
    a = torch.empty(1 << 30, dtype=torch.uint8, device=peers.gpu)
    b = torch.empty_like(a)

    def run(count):
        for _ in range(count):
            b.copy_(a)
        torch.cuda.synchronize()

    return 2 * len(a) / peers.least(run, 20)


def padded(count):
    return (count + 15) // 16 * 16


def best(n, m, d, covariance, copy, products):
    device = torch.cuda.get_device_properties(0)
    features = (d + 1) * (d + 2) // 2 if covariance == "full" else 2 * d + 1
    cycles = device.multi_processor_count * device.clock_rate * 1e3
    return max(
        n * (2 * 4 * d + 2 * 2 * m) / copy,
        2 * 5 * n * padded(m) * padded(features) / (RUNG * products),
        n * m / (EXPONENTIALS * cycles),
    )


def sizes(count, seed):
    random = np.random.default_rng(seed)
    for i in range(count):
        n, m = np.exp(random.uniform(np.log((1e4, 1)), np.log((4e6, 512)))).astype(int)
        yield int(n), int(m), int(random.integers(1, 65)), ("full", "diag")[i % 2]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", dest="out")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("command")
    arguments = parser.parse_args()
    copy, products = copy_rate(), peers.ceiling()
    record = {"device": torch.cuda.get_device_name(), "copy": copy, "ceiling": products, "rows": []}
    print(f"{record['device']}: {copy / 1e12:.2f} TB/s, products of 16 bits {products / 1e12:.0f} TFLOP/s", flush=True)
    for n, m, d, covariance in sizes(arguments.count, arguments.seed):
        x, means = peers.make(n, m, d, 1)
        start = peers.start_of(x, means, covariance)
        with tempfile.TemporaryDirectory() as directory:
            np.save(os.path.join(directory, "events.npy"), x.cpu().numpy())
            least = best(n, m, d, covariance, copy, products)
            loops = int(np.clip(0.5 / (MOST * least), 20, 500))
            seconds, _, variants = peers.timed(arguments.command, directory, start, covariance, loops)
        row = {"n": n, "m": m, "d": d, "covariance": covariance, "seconds": seconds, "best": least, "variants": variants}
        record["rows"].append(row)
        mark = "" if least < COUNTS_FROM else "!" if seconds > MOST * least else "*"
        print(f"{n:8d} {m:4d} {d:3d} {covariance:4s} {seconds * 1e3:9.4f} ms, {seconds / least:7.1f} times the best {mark}  {variants[0]}", flush=True)
        if arguments.out:
            json.dump(record, open(arguments.out, "w"), indent=1)
    counted = [row["seconds"] / row["best"] for row in record["rows"] if row["best"] >= COUNTS_FROM]
    print(f"worst of {len(counted)} that count (*): {max(counted, default=0):.1f} times the best")
    if max(counted, default=0) > MOST:
        sys.exit(1)


if __name__ == "__main__":
    main()
