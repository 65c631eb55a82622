#!/usr/bin/env python3
"""Times an EM iteration of gmmspec on a GPU against PyTorch, JAX and scikit-learn, from the same start on the same data.

    peers.py [-o OUT.json] [--rows 0,3] [--peers two_products,jax] GMMSPEC

GMMSPEC is the command. An iteration is a whole one: the pass over the events, the M-step, the convergence test. Times of gmmspec are those
of a long fit less those of a short one, so that reading, starting and compiling are in none of them; those of peers are of a loop that ends
with the device's work. Each is the least of several.

What a system makes of the parameters in one iteration is compared with the same in float64, as the worst component's worst
|ΔΣ_ab| / √(Σ_aa Σ_bb), from the start and from where gmmspec is after the long fit. A time whose error is over WITHIN does not count, and is
marked. The ceiling is the rate at which this GPU multiplies matrices of 16 bits in a product of PyTorch's, measured in the same run; useful
work is 4 N M P operations, P = (D+1)(D+2)/2 for full covariances and 2D+1 for diagonal ones.
"""
import argparse, json, os, subprocess, sys, tempfile, time
import numpy as np
import torch

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
RIDGE = 1e-6
WITHIN = 1e-5
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
    """The worst component's worst |ΔΣ_ab| / √(Σ_aa Σ_bb)."""
    difference = (got[2].double() - want[2]).abs()
    if difference.ndim == 3:
        deviations = torch.diagonal(want[2], dim1=1, dim2=2).sqrt()
        return float((difference / (deviations[:, :, None] * deviations[:, None, :])).max())
    return float((difference / want[2]).max())


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
            iteration = torch.compile(iteration)
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


def timed(command, directory, start, covariance, loops):
    """The least time of an iteration of gmmspec from a start, the model that a long fit reaches, and the kernels."""
    times, reached = {2: [], 2 + loops: []}, None
    for _ in range(ROUNDS):
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
        try:
            seconds, got = PEERS[name](x, start, covariance, max(5, min(50, loops)))
            row["peers"][name] = {"seconds": seconds, "error": error_of(got, want)}
        except (RuntimeError, ImportError, ValueError) as e:  # too little memory, or a part that is not installed
            row["peers"][name] = {"failed": str(e).splitlines()[0][:200]}
        torch.cuda.empty_cache()
    return row


def show(row, rate):
    useful = row["operations"] / row["seconds"]
    cells = [f"{row['n']:8d} {row['m']:5d} {row['d']:4d} {row['covariance']:4s}"]
    for state in ("", "_converged"):
        cells.append(f"{row['seconds' + state] * 1e3:9.4f}{' ' if row['error' + state] <= WITHIN else '!'} {row['error' + state]:.0e}")
    cells.append(f"{useful / 1e12:6.1f} {100 * useful / rate:4.0f}%")
    for name in PEERS:
        found = row["peers"].get(name)
        if found is None or "failed" in found:
            cells.append(f"{'-':>22s}")
        else:
            cells.append(f"{found['seconds'] * 1e3:8.2f} {found['seconds'] / row['seconds']:6.1f}x {found['error']:.0e}")
    print("  ".join(cells), "8 sigma apart" if row["apart"] else "", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", dest="out")
    parser.add_argument("--rows", default=",".join(map(str, range(len(ROWS)))))
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("command")
    arguments = parser.parse_args()
    names = [name for name in arguments.peers.split(",") if name]
    rate = ceiling()
    record = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "ceiling": rate, "within": WITHIN, "rows": []}
    print(f"{record['device']}, torch {torch.__version__}; products of 16 bits: {rate / 1e12:.0f} TFLOP/s")
    print("ms an iteration, from the start and from where it ends, with the error of covariances ('!': over the tolerance); useful TFLOP/s; then "
          + ", ".join(PEERS) + ": ms, times slower, error", flush=True)
    for i in map(int, arguments.rows.split(",")):
        record["rows"].append(compared(arguments.command, names, *ROWS[i]))
        show(record["rows"][-1], rate)
        if arguments.out:
            json.dump(record, open(arguments.out, "w"), indent=1)
    if any(row["error" + state] > WITHIN for row in record["rows"] for state in ("", "_converged")):
        sys.exit("peers.py: an error of gmmspec's is over the tolerance")


if __name__ == "__main__":
    main()
