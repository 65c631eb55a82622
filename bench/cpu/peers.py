#!/usr/bin/env python3
"""Times an EM iteration of gmmspec on the processor against scikit-learn, numpy and Armadillo, from the same start on the same data.

    peers.py --fma FMA [--armadillo ARMADILLO] [-o OUT.json] GMMSPEC

GMMSPEC is the command, FMA and ARMADILLO are the programs of fma.c and armadillo.cpp: bench/cpu/run builds them, and installs the
peers. Every system does the same iterations, and must reach the same parameters: otherwise the row fails, and so does the script.
Times are those of a long fit less those of a short one, each the least of several, so that reading, starting and compiling are in none
of them.

The share of the processor's multiply-adds that an iteration reaches counts useful work alone: 4 N M P operations for full covariances,
P = (D+1)(D+2)/2 distinct products of two homogeneous coordinates, and 4 N M (2D+1) for diagonal ones. Work that is left out because a
component has no part in events counts as done, so that it is the rows of DENSE, where all have a part in all, that tell how well
kernels compute.
"""
import argparse, json, os, subprocess, sys, tempfile, time
import numpy as np
import sklearn
import threadpoolctl
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
import warnings

warnings.simplefilter("ignore", ConvergenceWarning)

# N, M, D, covariance type, the deviation of the components' means. Theirs from their means is about 1.
ROWS = [
    (100_000, 64, 19, "full", 1),
    (100_000, 5, 19, "full", 1),
    (10_000, 5, 19, "full", 1),
    (100_000, 16, 64, "full", 1),
    (100_000, 256, 39, "diag", 1),
    (100_000, 64, 19, "full", 8),
]
# N, M, D of components with full covariances that lie in each other: each has a part in all events, and nothing can be left out.
DENSE = [
    (100_000, 64, 19),
    (100_000, 16, 64),
]
SHORT, LONG = 4, 12  # iterations of the fits whose difference is timed: components that lie apart have converged by then
ROUNDS = 3
RIDGE = 1e-6
# What a system's means may differ from scikit-learn's by, in standard deviations.
# Armadillo has no ridge but a floor, which a variance never meets here: a ridge moves all of them by 1e-6.
WITHIN = {"numpy": 1e-6, "float64": 1e-8, "float32": 1e-4, "armadillo": 1e-4}


def make(n, m, d, apart, below=0.3, seed=1):
    """Events of a random mixture, and a start near its truth. Below is the size of what is under the diagonal of covariances' factors."""
    random = np.random.default_rng(seed)
    means = random.normal(size=(m, d)) * apart
    factors = [np.tril(random.normal(size=(d, d)) * below, -1) + np.diag(random.uniform(0.5, 1.5, d)) for _ in range(m)]
    labels = random.integers(m, size=n)
    x = np.empty((n, d))
    for c in range(m):
        of = labels == c
        x[of] = means[c] + random.normal(size=(of.sum(), d)) @ factors[c].T
    return x, means + 0.1 * random.normal(size=means.shape)


def start_of(x, means, covariance):
    m, d = means.shape
    variance = x.var(axis=0)
    one = np.diag(variance) if covariance == "full" else variance
    return np.full(m, 1 / m), means, np.array([one] * m)


def write_model(path, covariance, weights, means, covariances):
    json.dump({"format": "gmmspec-model/1", "components": len(weights), "dimensions": means.shape[1], "covariance_type": covariance,
               "weights": weights.tolist(), "means": means.tolist(), "covariances": covariances.tolist()}, open(path, "w"))


def difference(fit):
    """The least time of an iteration: what a long fit takes longer than a short one."""
    fit(SHORT)
    times = {k: min(fit(k) for _ in range(ROUNDS)) for k in (SHORT, LONG)}
    return (times[LONG] - times[SHORT]) / (LONG - SHORT)


def scikit_learn(x, start, covariance):
    weights, means, covariances = start
    precisions = 1 / covariances if covariance == "diag" else np.linalg.inv(covariances)
    model = None

    def fit(k):
        nonlocal model
        model = GaussianMixture(len(weights), covariance_type=covariance, tol=0, max_iter=k, reg_covar=RIDGE, init_params="random_from_data",
                                weights_init=weights, means_init=means, precisions_init=precisions, random_state=0)
        began = time.perf_counter()
        model.fit(x)
        return time.perf_counter() - began

    return difference(fit), (model.weights_, model.means_, model.covariances_)


def two_products(x, start, covariance):
    """The moment form by hand: features, two matrix products, a softmax between."""
    m, d = start[1].shape
    rows, columns = np.tril_indices(d) if covariance == "full" else (np.arange(d), np.arange(d))
    centre = x.mean(axis=0)
    u = x - centre
    features = np.hstack([np.ones((len(x), 1)), u, u[:, rows] * u[:, columns]])
    result = None

    def fit(k):
        nonlocal result
        weights, means, covariances = start[0], start[1] - centre, start[2]
        began = time.perf_counter()
        for _ in range(k):
            w = np.empty((m, features.shape[1]))
            for c in range(m):
                p = np.linalg.inv(covariances[c]) if covariance == "full" else np.diag(1 / covariances[c])
                _, logdet = np.linalg.slogdet(p)
                w[c, 0] = np.log(weights[c]) + 0.5 * (logdet - d * np.log(2 * np.pi) - means[c] @ p @ means[c])
                w[c, 1:d + 1] = p @ means[c]
                w[c, d + 1:] = -p[rows, columns] * np.where(rows == columns, 0.5, 1)
            l = features @ w.T
            l -= l.max(axis=1, keepdims=True)
            np.exp(l, out=l)
            l /= l.sum(axis=1, keepdims=True)
            s = l.T @ features
            weights = s[:, 0] / len(x)
            means = s[:, 1:d + 1] / s[:, :1]
            second = s[:, d + 1:] / s[:, :1] - means[:, rows] * means[:, columns]
            if covariance == "full":
                covariances = np.zeros((m, d, d))
                covariances[:, rows, columns] = covariances[:, columns, rows] = second
                covariances += RIDGE * np.eye(d)
            else:
                covariances = second + RIDGE
        took = time.perf_counter() - began
        result = weights, means + centre, covariances
        return took

    return difference(fit), result


def operations(n, m, d, covariance):
    """The useful floating-point operations of an iteration."""
    return 4 * n * m * ((d + 1) * (d + 2) // 2 if covariance == "full" else 2 * d + 1)


def armadillo(program, directory, x, start, covariance):
    """The time of an iteration, what is reached, and what the program says of itself."""
    n, d = x.shape
    m = len(start[0])
    path = {name: os.path.join(directory, name) for name in ("start.f64", "events.f64", "model.f64")}
    np.concatenate([np.ravel(part) for part in start]).tofile(path["start.f64"])
    x.tofile(path["events.f64"])
    said = {}

    def fit(k):
        said.update(json.loads(subprocess.run(
            [program, str(n), str(m), str(d), covariance, str(k), str(RIDGE), path["start.f64"], path["events.f64"], path["model.f64"]],
            check=True, capture_output=True).stdout))
        return said["seconds"]

    took = difference(fit)
    weights, means, covariances = np.split(np.fromfile(path["model.f64"]), [m, m + m * d])
    return took, (weights, means.reshape(m, d), covariances.reshape(start[2].shape)), said


def gmmspec(command, directory, events, start_path, m, covariance, precision):
    out = os.path.join(directory, "model.json")
    plan = []

    def fit(k):
        report = json.loads(subprocess.run(
            [command, "train", "--json", "--device", "cc", "--precision", precision, "--init", start_path, "--tol", "0", "--max-iter", str(k),
             "--reg-covar", str(RIDGE), "-o", out, events], check=True, capture_output=True).stdout)
        plan[:] = report["variants"]
        return report["seconds"]

    took = difference(fit)
    model = json.load(open(out))
    return took, (np.array(model["weights"]), np.array(model["means"]), np.array(model["covariances"])), plan


# What scikit-learn's part of a whole process is: reading, fitting and writing, from the same start.
PEER = """
import sys, json, numpy as np, warnings
from sklearn.mixture import GaussianMixture
warnings.simplefilter("ignore")
start = json.load(open(sys.argv[2]))
x = np.load(sys.argv[1])
model = GaussianMixture(start["components"], tol=0, max_iter=int(sys.argv[3]), reg_covar=float(sys.argv[4]), init_params="random_from_data",
                        weights_init=start["weights"], means_init=start["means"], precisions_init=np.linalg.inv(start["covariances"]), random_state=0)
model.fit(x)
np.savez(sys.argv[5], weights=model.weights_, means=model.means_, covariances=model.covariances_)
"""


# Runs a command. A process begins with the memory of the one that started it, so that this is done by one that has none to speak of.
MEASURE = """
import subprocess, sys, time, resource
began = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(time.perf_counter() - began, 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def process(*command, **variables):
    """Runs a command, and returns its seconds and the most memory that it held, in bytes."""
    said = subprocess.run([sys.executable, "-c", MEASURE, *command], check=True, capture_output=True, env=os.environ | variables).stdout
    seconds, size = said.split()
    return float(seconds), int(size)


def whole(command, n=1_000_000, m=32, d=19, iterations=20):
    """What a user waits for: from the command line to the model in a file, without and with kernels compiled before."""
    x, means = make(n, m, d, 1)
    x = x.astype(np.float32)
    with tempfile.TemporaryDirectory() as directory:
        path = {name: os.path.join(directory, name) for name in ("events.npy", "start.json", "model.json", "peer.npz", "cache")}
        np.save(path["events.npy"], x)
        write_model(path["start.json"], "full", *start_of(x.astype(float), means, "full"))
        row = {"n": n, "m": m, "d": d, "iterations": iterations, "data_bytes": x.nbytes}
        row["scikit_learn"], row["scikit_learn_bytes"] = process(
            sys.executable, "-c", PEER, path["events.npy"], path["start.json"], str(iterations), str(RIDGE), path["peer.npz"])
        peer = np.load(path["peer.npz"])
        deviations = np.sqrt(np.array([np.diag(c) for c in peer["covariances"]]))
        for precision in ("float32", "float64"):
            fit = [command, "train", "--device", "cc", "--precision", precision, "--init", path["start.json"], "--tol", "0", "--max-iter",
                   str(iterations), "--reg-covar", str(RIDGE), "-o", path["model.json"], path["events.npy"]]
            for state in ("cold", "warm"):
                row[f"{precision}_{state}"], row[f"{precision}_bytes"] = process(*fit, GMMSPEC_CACHE=path["cache"])
            got = np.array(json.load(open(path["model.json"]))["means"])
            row["error_" + precision] = float(np.abs((got - peer["means"]) / deviations).max())
    return row


def scaling(command, m=64, d=19, sizes=(10_000, 100_000, 1_000_000, 10_000_000)):
    """The time of an iteration by the number of events."""
    times = {}
    x, means = make(sizes[-1], m, d, 1)
    x = x.astype(np.float32)
    with tempfile.TemporaryDirectory() as directory:
        events, model = os.path.join(directory, "events.npy"), os.path.join(directory, "start.json")
        write_model(model, "full", *start_of(x[:100_000].astype(float), means, "full"))
        for n in sizes:
            np.save(events, x[np.random.default_rng(2).permutation(len(x))[:n]])
            times[n], _, _ = gmmspec(command, directory, events, model, m, "full", "float32")
    return times


def deviation(got, want):
    """By how much means differ at most, in standard deviations."""
    deviations = np.sqrt(np.array([np.diag(c) if c.ndim == 2 else c for c in want[2]]))
    return float(np.abs((got[1] - want[1]) / deviations).max())


def compared(command, program, n, m, d, covariance, apart):
    """A row of every system's times and errors, and what Armadillo says of itself."""
    x, means = make(n, m, d, apart)
    start = start_of(x, means, covariance)
    row = {"n": n, "m": m, "d": d, "covariance": covariance, "apart": apart > 1, "operations": operations(n, m, d, covariance)}
    found, said = {}, None
    with tempfile.TemporaryDirectory() as directory:
        events, model = os.path.join(directory, "events.npy"), os.path.join(directory, "start.json")
        np.save(events, x)
        write_model(model, covariance, *start)
        row["scikit_learn"], want = scikit_learn(x, start, covariance)
        row["numpy"], found["numpy"] = two_products(x, start, covariance)
        if program:
            row["armadillo"], found["armadillo"], said = armadillo(program, directory, x, start, covariance)
        for precision in ("float32", "float64"):
            row[precision], found[precision], row["variants_" + precision] = gmmspec(command, directory, events, model, m, covariance, precision)
    for system, got in found.items():
        row["error_" + system] = deviation(got, want)
    return row, said


def dense(command, n, m, d):
    """A row of gmmspec's times where nothing can be left out, and its errors against numpy's."""
    x, means = make(n, m, d, 0, below=0.03)
    start = start_of(x, means, "full")
    row = {"n": n, "m": m, "d": d, "covariance": "full", "operations": operations(n, m, d, "full")}
    with tempfile.TemporaryDirectory() as directory:
        events, model = os.path.join(directory, "events.npy"), os.path.join(directory, "start.json")
        np.save(events, x)
        write_model(model, "full", *start)
        row["numpy"], want = two_products(x, start, "full")
        for precision in ("float32", "float64"):
            row[precision], got, row["variants_" + precision] = gmmspec(command, directory, events, model, m, "full", precision)
            row["error_" + precision] = deviation(got, want)
    return row


def share(row, precision, rates):
    """The share of the processor's multiply-adds that an iteration reaches."""
    return row["operations"] / row[precision] / rates[precision]


def wrong(row, what):
    """What of a row is not as near as it must be."""
    return [f"{what}: {system}'s means are off by {row['error_' + system]:.1e} standard deviations"
            for system, within in WITHIN.items() if "error_" + system in row and not row["error_" + system] <= within]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("command", metavar="GMMSPEC")
    parser.add_argument("--fma", required=True, help="the program of fma.c")
    parser.add_argument("--armadillo", help="the program of armadillo.cpp; without it there is no such peer")
    parser.add_argument("-o", dest="out", help="where the record goes")
    return parser.parse_args()


def main():
    given = arguments()
    command, threads = given.command, len(os.sched_getaffinity(0))
    blas = [{k: lib.get(k) for k in ("internal_api", "version", "architecture", "num_threads")} for lib in threadpoolctl.threadpool_info()]
    rates = json.loads(subprocess.run([given.fma, str(threads)], check=True, capture_output=True).stdout)
    print(f"scikit-learn {sklearn.__version__}, numpy {np.__version__}, {threads} processors; BLAS: {blas}")
    print(f"multiply-adds in vectors of {rates['vector_bytes']} bytes: {rates['float32'] / 1e9:.0f} GFLOP/s in float32, "
          f"{rates['float64'] / 1e9:.0f} in float64")
    print(f"{'N':>7} {'M':>4} {'D':>3} cov  {'scikit-learn':>12} {'numpy':>9} {'Armadillo':>9}   {'float32':>9} {'':>6} {'':>5}  {'float64':>9}"
          "   ms an iteration, times faster than scikit-learn, share of the multiply-adds")
    rows, failed, said = [], [], None
    for n, m, d, covariance, apart in ROWS:
        row, of = compared(command, given.armadillo, n, m, d, covariance, apart)
        if of and not said:
            said = {k: of[k] for k in ("version", "blas", "kernels")}
            print(f"Armadillo {said['version']}; BLAS: {said['blas']}, kernels {said['kernels']}")
        rows.append(row)
        failed += wrong(row, f"{n}x{m}x{d} {covariance}")
        by_armadillo = f"{1e3 * row['armadillo']:9.2f}" if "armadillo" in row else f"{'-':>9}"
        print(f"{n:7} {m:4} {d:3} {covariance} {1e3 * row['scikit_learn']:12.2f} {1e3 * row['numpy']:9.2f} {by_armadillo}" + "".join(
            f"   {1e3 * row[p]:9.3f} {row['scikit_learn'] / row[p]:5.0f}x {share(row, p, rates):5.0%}" for p in ("float32", "float64"))
            + ("   8 sigma apart" if row["apart"] else ""), flush=True)
    dense_rows = []
    for n, m, d in DENSE:
        row = dense(command, n, m, d)
        dense_rows.append(row)
        failed += wrong(row, f"{n}x{m}x{d}, dense")
        print(f"{n:7} {m:4} {d:3} full {'':12} {1e3 * row['numpy']:9.2f} {'':9}" + "".join(
            f"   {1e3 * row[p]:9.3f} {'':6} {share(row, p, rates):5.0%}" for p in ("float32", "float64")) + "   nothing left out", flush=True)
    process_row = whole(command)
    for precision in ("float32", "float64"):
        if not process_row["error_" + precision] <= WITHIN["float32"]: # scikit-learn computes in the events' precision
            failed.append(f"whole process: {precision}'s means are off by {process_row['error_' + precision]:.1e} standard deviations")
        print(f"whole process, {process_row['n']}x{process_row['d']} float32, M={process_row['m']}, {process_row['iterations']} iterations: "
              f"scikit-learn {process_row['scikit_learn']:.1f} s, {process_row['scikit_learn_bytes'] / 2**20:.0f} MiB; {precision} "
              f"{process_row[precision + '_cold']:.2f} s without kernels, {process_row[precision + '_warm']:.2f} s with them, "
              f"{process_row[precision + '_bytes'] / 2**20:.0f} MiB; the data {process_row['data_bytes'] / 2**20:.0f} MiB", flush=True)
    times = scaling(command)
    print("an iteration of M=64, D=19, float32: " + ", ".join(f"N={n}: {1e3 * t:.2f} ms" for n, t in times.items()))
    if given.out:
        json.dump({"scikit_learn": sklearn.__version__, "numpy": np.__version__, "blas": blas, "armadillo": said, "multiply_adds": rates,
                   "rows": rows, "dense": dense_rows, "process": process_row, "scaling": times}, open(given.out, "w"), indent=1)
    for f in failed:
        print("peers.py: " + f, file=sys.stderr)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
