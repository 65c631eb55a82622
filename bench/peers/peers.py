#!/usr/bin/env python3
"""Times an EM iteration of gmmspec on a GPU against PyTorch, JAX and scikit-learn, from the same start on the same data.

    peers.py [-o OUT.json] [--rows 0,3] [--peers two_products,jax] [--series [--seconds 240] [--largest 10000000] [--check 2]] GMMSPEC

GMMSPEC is the command. An iteration is a whole one: the pass over the events, the M-step, the convergence test. Times of gmmspec are those
of a long fit less those of a short one, so that reading, starting and compiling are in none of them; those of peers are of a loop that ends
with the device's work. Each is the least of several.

What a system makes of the parameters in one iteration is compared with the same in float64, as the worst component's worst
|ΔΣ_ab| / √(Σ_aa Σ_bb), from the start and from where gmmspec is after the long fit. A time whose error is over WITHIN does not count, and is
marked. The ceiling is the rate at which this GPU multiplies matrices of 16 bits in a product of PyTorch's, measured in the same run; useful
work is 4 N M P operations, P = (D+1)(D+2)/2 for full covariances and 2D+1 for diagonal ones.

With --series, after the rows, N, M and D grow one at a time, with full covariances: first gmmspec at every size, then the peers of IN_SERIES,
one after the other, until --seconds are over. What is there by then is in the record, as rows with the name of what grows. Where a check in
float64 would take longer than --check seconds there is none, and the row does not count. --rows '' has the series alone.
"""
import argparse, json, os, subprocess, sys, tempfile, time
import numpy as np
import torch
import table

# N, M, D, covariance type, the deviation of the components' means. Theirs from their means is about 1.
ROWS = [
    (1_000_000, 64, 19, "full", 1),
    (1_000_000, 64, 39, "full", 1),
    (1_000_000, 128, 64, "full", 1),
    (1_000_000, 1024, 128, "diag", 1),
    (1_000_000, 2048, 39, "diag", 1),
    (1_000_000, 64, 19, "full", 8),
    (100_000, 5, 19, "full", 1),
    (10_000, 5, 19, "full", 1),
]
# What grows, the sizes that it takes while the others are those of MIDDLE, the operations that a long fit of gmmspec makes more than a short one,
# the iterations that it makes more at least, and how often both are timed. Times by N are to tell what an iteration costs without events, and the
# largest of their data take long to upload, so that it is they that are timed longest and most often.
SERIES = {
    "n": ([10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000], 8e13, 50, 3),
    "m": ([1, 2, 4, 8, 16, 32, 64, 128, 256, 512], 2e13, 10, 1),
    "d": ([4, 8, 16, 24, 32, 48, 64], 2e13, 10, 1),
}
MIDDLE = {"n": 1_000_000, "m": 64, "d": 19}
IN_SERIES = ("two_products", "torch_compile")  # the others take too long
PATIENCE = 1  # seconds of a peer at one size, after which it is not asked about larger ones
RIDGE = 1e-6
WITHIN = 1e-5
NO_NUMBER = 1e9  # an error that does not count, and that JSON can hold
ROUNDS = 3
CHUNK = 1 << 17  # events of a step of what is done in float64
LARGEST_ON_HOST = 5e8  # N M P that scikit-learn is given

torch.backends.cuda.matmul.allow_tf32 = False
gpu = torch.device("cuda")


def make(n, m, d, apart, below=0.3, seed=1):
    """Events of a random mixture, exact in float32, and a start near its truth."""
    random = np.random.default_rng(seed)
    means = random.normal(size=(m, d)) * apart
    factors = np.tril(random.normal(size=(m, d, d)) * below, -1)
    factors[:, range(d), range(d)] = random.uniform(0.5, 1.5, (m, d))
    labels = np.sort(random.integers(m, size=n))
    noise = torch.randn((n, d), device=gpu, generator=torch.Generator(gpu).manual_seed(seed), dtype=torch.float32)
    x = torch.empty_like(noise)
    bounds = np.searchsorted(labels, np.arange(m + 1))
    for c in range(m):
        part = slice(bounds[c], bounds[c + 1])
        x[part] = noise[part] @ torch.tensor(factors[c].T, device=gpu, dtype=torch.float32) + torch.tensor(means[c], device=gpu, dtype=torch.float32)
    x = x[torch.randperm(n, device=gpu, generator=torch.Generator(gpu).manual_seed(seed))].contiguous()
    return x, means + 0.1 * random.normal(size=means.shape)


def start_of(x, means, covariance):
    m, d = means.shape
    variance = torch.zeros(d, dtype=torch.float64, device=gpu)
    mean = x.double().mean(0) if len(x) <= CHUNK else sum(part.double().sum(0) for part in x.split(CHUNK)) / len(x)
    for part in x.split(CHUNK):
        variance += ((part.double() - mean) ** 2).sum(0)
    variance /= len(x)
    one = torch.diag(variance) if covariance == "full" else variance
    return (torch.full((m,), 1 / m, dtype=torch.float64, device=gpu), torch.tensor(means, device=gpu), one.expand(m, *one.shape).contiguous())


def write_model(path, covariance, weights, means, covariances):
    json.dump({"format": "gmmspec-model/1", "components": len(weights), "dimensions": means.shape[1], "covariance_type": covariance,
               "weights": weights.tolist(), "means": means.tolist(), "covariances": covariances.tolist()}, open(path, "w"))


def read_model(path):
    model = json.load(open(path))
    return tuple(torch.tensor(model[name], dtype=torch.float64, device=gpu) for name in ("weights", "means", "covariances"))


def exact(x, model, covariance):
    """One iteration in float64, by distances from the means."""
    weights, means, covariances = model
    m, d = means.shape
    n_m, first = torch.zeros(m, dtype=torch.float64, device=gpu), torch.zeros_like(means)
    second = torch.zeros_like(covariances)
    if covariance == "full":
        lower = torch.linalg.cholesky(covariances)
        factors = torch.linalg.solve_triangular(lower, torch.eye(d, dtype=torch.float64, device=gpu).expand(m, d, d), upper=False)
        constants = weights.log() - 0.5 * d * np.log(2 * np.pi) - torch.diagonal(lower, dim1=1, dim2=2).log().sum(1)
    else:
        constants = weights.log() - 0.5 * (d * np.log(2 * np.pi) + covariances.log().sum(1))
    for part in x.split(CHUNK // 4):
        part = part.double()
        l = torch.empty((len(part), m), dtype=torch.float64, device=gpu)
        for c in range(m):
            u = part - means[c]
            l[:, c] = constants[c] - 0.5 * ((u @ factors[c].T) ** 2 if covariance == "full" else u * u / covariances[c]).sum(1)
        r = torch.softmax(l, 1)
        n_m += r.sum(0)
        for c in range(m):
            u = part - means[c]
            weighted = u * r[:, c:c + 1]
            first[c] += weighted.sum(0)
            second[c] += weighted.T @ u if covariance == "full" else (weighted * u).sum(0)
    shift = first / n_m[:, None]
    second = second / (n_m[:, None, None] if covariance == "full" else n_m[:, None])
    if covariance == "full":
        second = second - shift[:, :, None] * shift[:, None, :] + RIDGE * torch.eye(d, dtype=torch.float64, device=gpu)
    else:
        second = second - shift**2 + RIDGE
    return n_m / len(x), means + shift, second


def error_of(got, want):
    """The worst component's worst |ΔΣ_ab| / √(Σ_aa Σ_bb), at most NO_NUMBER, which stands for what is no number too."""
    difference = (got[2].double() - want[2]).abs()
    scale = want[2]
    if difference.ndim == 3:
        deviations = torch.diagonal(want[2], dim1=1, dim2=2).sqrt()
        scale = deviations[:, :, None] * deviations[:, None, :]
    return float(torch.nan_to_num(difference / scale, nan=NO_NUMBER).clamp(max=NO_NUMBER).max())


def least(run, loops):
    """The least time of an iteration of run, which makes so many and returns when they are done."""
    run(2)
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        run(loops)
        times.append((time.perf_counter() - began) / loops)
    return min(times)


def torch_loop(x, start, covariance):
    """A component at a time, as most scripts do it."""
    d = x.shape[1]
    constant = 0.5 * d * float(np.log(2 * np.pi))

    def iteration(weights, means, covariances):
        m = len(weights)
        if covariance == "full":
            lower = torch.linalg.cholesky(covariances)
            l = torch.stack([weights[c].log() - constant - torch.diagonal(lower[c]).log().sum() - 0.5 * (
                torch.linalg.solve_triangular(lower[c], (x - means[c]).T, upper=False) ** 2).sum(0) for c in range(m)], 1)
        else:
            l = torch.stack([weights[c].log() - constant - 0.5 * covariances[c].log().sum() - 0.5 * (
                (x - means[c]) ** 2 / covariances[c]).sum(1) for c in range(m)], 1)
        total = torch.logsumexp(l, 1)
        r = (l - total[:, None]).exp()
        n_m = r.sum(0)
        means = (r.T @ x) / n_m[:, None]
        if covariance == "full":
            covariances = torch.stack([((x - means[c]) * r[:, c:c + 1]).T @ (x - means[c]) / n_m[c] for c in range(m)])
            covariances = covariances + RIDGE * torch.eye(d, device=gpu)
        else:
            covariances = torch.stack([((x - means[c]) ** 2 * r[:, c:c + 1]).sum(0) / n_m[c] for c in range(m)]) + RIDGE
        return n_m / len(x), means, covariances, total.sum()

    return iteration


def two_products(x, start, covariance):
    """The moment form: features, made once, two products of matrices, a softmax between."""
    d = x.shape[1]
    rows, columns = torch.tril_indices(d, d, device=gpu) if covariance == "full" else (torch.arange(d, device=gpu),) * 2
    centre = x.mean(0)
    u = x - centre
    features = torch.cat([torch.ones((len(x), 1), device=gpu), u, u[:, rows] * u[:, columns]], 1)
    halves = torch.where(rows == columns, 0.5, 1.0)

    def iteration(weights, means, covariances):
        v = means - centre
        if covariance == "full":
            lower = torch.linalg.cholesky(covariances)
            p = torch.cholesky_inverse(lower)
            log_determinants = 2 * torch.diagonal(lower, dim1=1, dim2=2).log().sum(1)
            slopes = torch.einsum("mab,mb->ma", p, v)
            w = torch.cat([(weights.log() - 0.5 * (log_determinants + d * float(np.log(2 * np.pi)) + (slopes * v).sum(1)))[:, None], slopes,
                           -p[:, rows, columns] * halves], 1)
        else:
            p = 1 / covariances
            w = torch.cat([(weights.log() - 0.5 * (covariances.log().sum(1) + d * float(np.log(2 * np.pi)) + (v * v * p).sum(1)))[:, None], v * p,
                           -0.5 * p], 1)
        l = features @ w.T
        total = torch.logsumexp(l, 1)
        s = (l - total[:, None]).exp().T @ features
        n_m = s[:, 0]
        shift = s[:, 1:d + 1] / n_m[:, None]
        second = s[:, d + 1:] / n_m[:, None] - shift[:, rows] * shift[:, columns]
        if covariance == "full":
            full = torch.zeros_like(covariances)
            full[:, rows, columns] = second
            full[:, columns, rows] = second
            second = full + RIDGE * torch.eye(d, device=gpu)
        else:
            second = second + RIDGE
        return n_m / len(x), shift + centre, second, total.sum()

    return iteration


def of_torch(make_iteration, compiled=False):
    def peer(x, start, covariance, loops):
        iteration = make_iteration(x, start, covariance)
        if compiled:
            torch.compiler.reset()  # otherwise torch remembers other sizes, and after a few of them compiles no more
            iteration = torch.compile(iteration, dynamic=False)
        first = tuple(part.float() for part in start)

        def run(count):
            model = first
            for _ in range(count):
                *model, total = iteration(*model)
            total.item()

        took = least(run, loops)
        return took, tuple(iteration(*first)[:3])

    return peer


def jax_jit(x, start, covariance, loops):
    """The same moment form under jit."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_default_matmul_precision", "highest")
    n, d = x.shape
    rows, columns = (np.tril_indices(d)) if covariance == "full" else (np.arange(d),) * 2
    halves = np.where(rows == columns, 0.5, 1.0).astype(np.float32)
    events = jax.dlpack.from_dlpack(x)
    centre = events.mean(0)

    @jax.jit
    def iteration(events, weights, means, covariances):
        u = events - centre
        features = jnp.concatenate([jnp.ones((n, 1), jnp.float32), u, u[:, rows] * u[:, columns]], 1)
        v = means - centre
        if covariance == "full":
            p = jnp.linalg.inv(covariances)
            log_determinants = jnp.linalg.slogdet(covariances)[1]
            slopes = jnp.einsum("mab,mb->ma", p, v)
            quadratic = -p[:, rows, columns] * halves
        else:
            p = 1 / covariances
            log_determinants, slopes, quadratic = jnp.log(covariances).sum(1), v * p, -0.5 * p
        constants = jnp.log(weights) - 0.5 * (log_determinants + d * np.float32(np.log(2 * np.pi)) + (slopes * v).sum(1))
        l = features @ jnp.concatenate([constants[:, None], slopes, quadratic], 1).T
        total = jax.scipy.special.logsumexp(l, 1)
        s = jnp.exp(l - total[:, None]).T @ features
        n_m = s[:, 0]
        shift = s[:, 1:d + 1] / n_m[:, None]
        second = s[:, d + 1:] / n_m[:, None] - shift[:, rows] * shift[:, columns]
        if covariance == "full":
            second = jnp.zeros_like(covariances).at[:, rows, columns].set(second).at[:, columns, rows].set(second) + RIDGE * jnp.eye(d)
        else:
            second = second + RIDGE
        return n_m / n, shift + centre, second, total.sum()

    first = tuple(jnp.asarray(part.float().cpu().numpy()) for part in start)

    def run(count):
        model = first
        for _ in range(count):
            *model, total = iteration(events, *model)
        total.block_until_ready()

    took = least(run, loops)
    return took, tuple(torch.tensor(np.asarray(part), device=gpu) for part in iteration(events, *first)[:3])


def scikit_learn(x, start, covariance, loops):
    import warnings
    from sklearn.mixture import GaussianMixture

    warnings.simplefilter("ignore")
    events = x.cpu().numpy().astype(np.float64)
    weights, means, covariances = (part.cpu().numpy() for part in start)
    precisions = 1 / covariances if covariance == "diag" else np.linalg.inv(covariances)

    def fit(k):
        model = GaussianMixture(len(weights), covariance_type=covariance, tol=0, max_iter=k, reg_covar=RIDGE, init_params="random_from_data",
                                weights_init=weights, means_init=means, precisions_init=precisions, random_state=0)
        began = time.perf_counter()
        model.fit(events)
        return time.perf_counter() - began, model

    took = (fit(4)[0] - fit(2)[0]) / 2
    model = fit(1)[1]
    return took, tuple(torch.tensor(part, device=gpu) for part in (model.weights_, model.means_, model.covariances_))


def gmmspec(command, directory, start, covariance, iterations, out="model.json"):
    """Fits from a model, and returns the seconds, the model reached and the kernels."""
    model, events, report = (os.path.join(directory, name) for name in ("start.json", "events.npy", out))
    write_model(model, covariance, *start)
    said = subprocess.run([command, "train", "--json", "--device", "cuda", "--init", model, "--tol", "0", "--max-iter", str(iterations),
                           "--reg-covar", str(RIDGE), "-o", report, events], check=True, capture_output=True)
    said = json.loads(said.stdout)
    return said["seconds"], read_model(report), said


def timed(command, directory, start, covariance, loops, rounds=ROUNDS):
    """The least time of an iteration of gmmspec from a start, the model that a long fit reaches, and the kernels."""
    times, reached = {2: [], 2 + loops: []}, None
    for _ in range(rounds):
        for k in times:
            seconds, reached, said = gmmspec(command, directory, start, covariance, k)
            times[k].append(seconds)
    return (min(times[2 + loops]) - min(times[2])) / loops, reached, said["variants"]


PEERS = {
    "torch_loop": of_torch(torch_loop),
    "two_products": of_torch(two_products),
    "torch_compile": of_torch(two_products, compiled=True),
    "jax": jax_jit,
    "scikit_learn": scikit_learn,
}


def operations(n, m, d, covariance):
    return 4 * n * m * ((d + 1) * (d + 2) // 2 if covariance == "full" else 2 * d + 1)


def ceiling():
    """The operations a second of a product of matrices of 16 bits, of random numbers."""
    a, b = (torch.randn((8192, 8192), device=gpu, dtype=torch.float16) for _ in range(2))

    def run(count):
        for _ in range(count):
            a @ b
        torch.cuda.synchronize()

    return 2 * 8192**3 / least(run, 20)


def compared(command, names, n, m, d, covariance, apart):
    row = {"n": n, "m": m, "d": d, "covariance": covariance, "apart": apart > 1, "operations": operations(n, m, d, covariance), "peers": {}}
    x, means = make(n, m, d, apart)
    start = start_of(x, means, covariance)
    want = exact(x, start, covariance)
    loops = int(np.clip(2e13 / row["operations"], 10, 2000))
    with tempfile.TemporaryDirectory() as directory:
        np.save(os.path.join(directory, "events.npy"), x.cpu().numpy())
        row["seconds"], reached, row["variants"] = timed(command, directory, start, covariance, loops)
        row["error"] = error_of(gmmspec(command, directory, start, covariance, 1)[1], want)
        row["seconds_converged"], _, row["variants_converged"] = timed(command, directory, reached, covariance, loops)
        row["error_converged"] = error_of(gmmspec(command, directory, reached, covariance, 1)[1], exact(x, reached, covariance))
    for name in names:
        if name == "scikit_learn" and row["operations"] / 4 > LARGEST_ON_HOST:
            continue
        row["peers"][name] = asked(name, x, start, covariance, max(5, min(50, loops)), want)
    return row


def asked(name, x, start, covariance, loops, want):
    """What a peer takes for an iteration and is wrong by, if that was checked, or why it does nothing."""
    try:
        seconds, got = PEERS[name](x, start, covariance, loops)
        return {"seconds": seconds, "error": None if want is None else error_of(got, want)}
    except (RuntimeError, ImportError, ValueError) as e:  # too little memory, or a part that is not installed
        return {"failed": (str(e).splitlines() or [type(e).__name__])[0][:200]}
    finally:
        torch.cuda.empty_cache()


def estimate(x, start, covariance):
    """The seconds that exact is expected to take, by what it takes of the first events. The first time something is set up."""
    part = x[:CHUNK // 4]
    for _ in range(2):
        began = time.perf_counter()
        exact(part, start, covariance)[0].sum().item()
    return (time.perf_counter() - began) * len(x) / len(part)


def point(command, along, n, m, d, check):
    """A row of a series, of gmmspec alone, and one iteration in float64, or None where that takes longer than check."""
    _, work, fewest, rounds = SERIES[along]
    row = {"series": along, "n": n, "m": m, "d": d, "covariance": "full", "apart": False, "operations": operations(n, m, d, "full"), "peers": {}}
    x, means = make(n, m, d, 1)
    start = start_of(x, means, "full")
    want = exact(x, start, "full") if estimate(x, start, "full") < check else None
    with tempfile.TemporaryDirectory() as directory:
        np.save(os.path.join(directory, "events.npy"), x.cpu().numpy())
        del x  # what a large one takes is gmmspec's
        torch.cuda.empty_cache()
        row["error"] = None if want is None else error_of(gmmspec(command, directory, start, "full", 1)[1], want)
        loops = int(np.clip(work / row["operations"], fewest, 2000))
        row["seconds"], _, row["variants"] = timed(command, directory, start, "full", loops, rounds)
    return row, want


def series(command, names, largest, check, left, keep):
    """Times gmmspec along each of SERIES and then the peers, gives keep each row that has something new, and returns what failed.

    It stops once left(), the seconds that remain, is less than the size before took.
    """
    found, failed, took = [], [], 0
    for along, size in ((along, size) for along, (sizes, *_) in SERIES.items() for size in sizes):
        problem, before = MIDDLE | {along: size}, left()
        if problem["n"] > largest:
            continue
        if before < took:
            print("out of time: the sizes after these were not timed")
            return failed
        try:
            found.append(point(command, along, **problem, check=check))
            keep(found[-1][0], None)
        except subprocess.CalledProcessError as e:
            failed.append(f"N={problem['n']}, M={problem['m']}, D={problem['d']}: {e.stderr.decode().strip()[-500:]}")
        took = before - left()
    for name in names:
        given_up, took = set(), 0
        for row, want in found:
            if row["series"] in given_up:
                continue
            before = left()
            if before < took:
                print("out of time: the sizes after these were not timed by " + name)
                return failed
            x, means = make(row["n"], row["m"], row["d"], 1)
            loops = int(np.clip(1e12 / row["operations"], 5, 50))
            of = row["peers"][name] = asked(name, x, start_of(x, means, "full"), "full", loops, want)
            if "failed" in of or of["seconds"] * (2 + ROUNDS * loops) > PATIENCE:
                given_up.add(row["series"])
            keep(row, name)
            took = before - left()
    return failed


def figure(seconds, error):
    """Milliseconds and the error, with a mark where that says that they do not count."""
    if error is None:
        return f"{seconds * 1e3:9.4f}? {'':5s}"
    return f"{seconds * 1e3:9.4f}{' ' if error <= WITHIN else '!'} {error:5.0e}"


def show(row, rate):
    cells = [f"{row['n']:9d} {row['m']:5d} {row['d']:4d} {row['covariance']:4s}"]
    cells += [figure(row["seconds" + state], row["error" + state]) for state in ("", "_converged") if "seconds" + state in row]
    useful = row["operations"] / row["seconds"]
    cells.append(f"{useful / 1e12:6.1f} {100 * useful / rate:4.0f}%")
    if "series" not in row:
        cells += [beside(row, name) for name in PEERS]
    print("  ".join(cells), "8 sigma apart" if row["apart"] else "", flush=True)


def beside(row, name):
    found = row["peers"].get(name)
    if found is None or "failed" in found:
        return f"{'-':>25s}"
    return f"{figure(found['seconds'], found['error'])} {found['seconds'] / row['seconds']:6.1f}x"


def built():
    """The commit of the bundle that this script lies in, or "" elsewhere."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "commit")
    return open(path).read().strip() if os.path.exists(path) else ""


def write(record, path):
    """Writes a record as a whole: whoever stops this script finds that of the size before."""
    with open(path + ".new", "w") as file:
        json.dump(record, file, indent=1, allow_nan=False)
    os.replace(path + ".new", path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", dest="out")
    parser.add_argument("--rows", default=",".join(map(str, range(len(ROWS)))))
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--series", action="store_true", help="time along N, M and D too")
    parser.add_argument("--seconds", type=float, default=240, help="what the series may take")
    parser.add_argument("--largest", type=int, default=10_000_000, help="the most events of the series")
    parser.add_argument("--check", type=float, default=2, help="the seconds that float64 may take for one iteration of the series")
    parser.add_argument("command")
    arguments = parser.parse_args()
    names = [name for name in arguments.peers.split(",") if name]
    rate = ceiling()
    record = {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": built(), "device": torch.cuda.get_device_name(),
              "torch": torch.__version__, "ceiling": rate, "within": WITHIN, "rows": []}
    failed = []
    print(f"{record['device']}, torch {torch.__version__}; products of 16 bits: {rate / 1e12:.0f} TFLOP/s")
    print("ms an iteration, from the start and from where it ends, with the error of covariances ('!': over the tolerance, '?': not checked); "
          "useful TFLOP/s; then " + ", ".join(PEERS) + ": ms, error, times slower", flush=True)

    def keep(row, name):
        """Keeps a row that is new, or has a peer's time."""
        if name is None:
            record["rows"].append(row)
            show(row, rate)
        else:
            print(f"{row['n']:9d} {row['m']:5d} {row['d']:4d} full {name:>15s} {beside(row, name)}", flush=True)
        if arguments.out:
            write(record, arguments.out)

    for i in map(int, filter(None, arguments.rows.split(","))):
        keep(compared(arguments.command, names, *ROWS[i]), None)
    if arguments.series:
        end = time.monotonic() + arguments.seconds
        print("series, from a start:", flush=True)
        failed += series(arguments.command, [name for name in names if name in IN_SERIES], arguments.largest, arguments.check,
                         lambda: end - time.monotonic(), keep)
    print("\n" + table.text(record))
    if any((row.get("error" + state) or 0) > WITHIN for row in record["rows"] for state in ("", "_converged")):
        failed.append("an error of gmmspec's is over the tolerance")
    if failed:
        sys.exit("\n".join("peers.py: " + one for one in failed))


if __name__ == "__main__":
    main()
