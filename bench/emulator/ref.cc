#include "ref.h"
#include <algorithm>
#include <cmath>

using std::vector;

static unsigned long long state;
static double uniform() { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return (state >> 11) * 0x1p-53; }
static double normal() { return std::sqrt(-2 * std::log(uniform() + 1e-300)) * std::cos(6.283185307179586 * uniform()); }

ref_world ref_make(int n, int m, int d, bool full, bool weighted, double apart, bool empty, unsigned long long seed) {
	state = seed * 6364136223846793005ull + 1442695040888963407ull;
	for (int i = 0; i < 20; ++i) uniform();
	ref_world world;
	world.n = n, world.pitch = (n + 31) / 32 * 32;
	ref_model &s = world.start;
	s.m = m, s.d = d, s.full = full;
	const int real = empty ? m - 1 : m;
	vector<double> mean(m * d), mix((size_t)m * d * d), share(m), raw((size_t)n * d), scale_of(d);
	for (int a = 0; a < d; ++a) scale_of[a] = std::exp(normal());
	double all = 0;
	for (int c = 0; c < real; ++c) {
		all += share[c] = std::exp(0.4 * normal());
		for (int a = 0; a < d; ++a) {
			mean[c * d + a] = scale_of[a] * (0.3 + apart / std::sqrt(d) * normal());
			for (int b = 0; b <= a; ++b)
				mix[((size_t)c * d + a) * d + b] = scale_of[a] * (a == b ? std::exp(0.3 * normal()) : full ? 0.5 / std::sqrt(d) * normal() : 0);
		}
	}
	for (int i = 0; i < n; ++i) {
		double u = uniform() * all;
		int c = 0;
		while (c < real - 1 && u >= share[c]) u -= share[c++];
		vector<double> z(d);
		for (double &v : z) v = normal();
		for (int a = 0; a < d; ++a) {
			double v = mean[c * d + a];
			for (int b = 0; b <= a; ++b) v += mix[((size_t)c * d + a) * d + b] * z[b];
			raw[(size_t)i * d + a] = v;
		}
	}
	world.events.assign((size_t)d * world.pitch, 0);
	world.variance.assign(d, 0);
	vector<double> shift(d), scale(d);
	for (int a = 0; a < d; ++a) {
		double low = INFINITY, high = -INFINITY;
		for (int i = 0; i < n; ++i) {
			const double v = raw[(size_t)i * d + a];
			shift[a] += v / n;
			low = std::min(low, v), high = std::max(high, v);
		}
		int exponent;
		std::frexp(std::max(high - shift[a], shift[a] - low), &exponent);
		scale[a] = std::ldexp(1.0, -exponent);
		world.log_scale += std::log(scale[a]);
		for (int i = 0; i < n; ++i) {
			const float v = (float)((raw[(size_t)i * d + a] - shift[a]) * scale[a]);
			world.events[(size_t)a * world.pitch + i] = v;
			world.variance[a] += (double)v * v / n;
		}
	}
	world.weight = 0;
	double most = 0;
	for (int i = 0; i < n; ++i) {
		const float w = weighted ? (float)(0.1 + 2.5 * uniform()) : 1;
		if (weighted) world.weights.push_back(w);
		world.weight += w;
		most = std::max<double>(most, w);
	}
	world.gain = 0x1p28;
	if (weighted) {
		int e;
		std::frexp(most, &e);
		world.gain = std::ldexp(1.0, 28 - e);
	}
	// What is begun with: the components that events were drawn from, a little off.
	s.weights.resize(m), s.means.resize(m * d), s.covariances.resize((size_t)m * s.triangle());
	for (int c = 0; c < m; ++c) {
		const int of = c < real ? c : 0; // the empty one is where another one is, and has next to no weight
		s.weights[c] = c < real ? share[of] / all : 1e-4;
		for (int a = 0; a < d; ++a) {
			double variance = 0;
			for (int b = 0; b <= a; ++b) variance += mix[((size_t)of * d + a) * d + b] * mix[((size_t)of * d + a) * d + b];
			s.means[c * d + a] = (mean[of * d + a] + 0.1 * std::sqrt(variance) * normal() - shift[a]) * scale[a];
			for (int b = full ? 0 : a; b <= a; ++b) {
				double v = 0;
				for (int k = 0; k <= b; ++k) v += mix[((size_t)of * d + a) * d + k] * mix[((size_t)of * d + b) * d + k];
				s.covariances[(size_t)c * s.triangle() + (full ? a * (a + 1) / 2 + b : a)] = v * scale[a] * scale[b] * (a == b ? 1.15 : 1);
			}
		}
	}
	double sum = 0;
	for (double w : s.weights) sum += w;
	for (double &w : s.weights) w /= sum;
	return world;
}

ref_records ref_pack(const ref_model &p, double log_scale) {
	const int d = p.d, size = p.triangle();
	ref_records r;
	r.means.assign(p.means.begin(), p.means.end());
	r.factors.resize((size_t)p.m * size), r.constants.resize(p.m);
	for (int c = 0; c < p.m; ++c) {
		const double *sigma = &p.covariances[(size_t)c * size];
		double log_determinant = 0;
		if (!p.full) {
			for (int a = 0; a < d; ++a) log_determinant += std::log(sigma[a]), r.factors[(size_t)c * size + a] = (float)(1 / std::sqrt(sigma[a]));
		} else {
			vector<double> L(d * d), I(d * d);
			for (int a = 0; a < d; ++a)
				for (int b = 0; b <= a; ++b) {
					double v = sigma[a * (a + 1) / 2 + b];
					for (int k = 0; k < b; ++k) v -= L[a * d + k] * L[b * d + k];
					L[a * d + b] = a == b ? std::sqrt(v) : v / L[b * d + b];
				}
			for (int b = 0; b < d; ++b) {
				log_determinant += 2 * std::log(L[b * d + b]);
				for (int a = b; a < d; ++a) {
					double v = a == b;
					for (int k = b; k < a; ++k) v -= L[a * d + k] * I[k * d + b];
					I[a * d + b] = v / L[a * d + a];
					r.factors[(size_t)c * size + a * (a + 1) / 2 + b] = (float)I[a * d + b];
				}
			}
		}
		r.constants[c] = std::log(p.weights[c]) - 0.5 * (d * 1.8378770664093453 + log_determinant) + log_scale;
	}
	return r;
}

ref_sums ref_pass(const ref_places &e, const ref_model &p, const ref_records &r, int chunk, int sample, double rounded) {
	const int d = p.d, m = p.m, size = p.triangle(), cells = p.cells();
	ref_sums s;
	s.sums.assign((size_t)m * cells, 0), s.squares.assign(m * d, 0);
	const double heaviest = *std::max_element(e.w.begin(), e.w.end());
	for (auto *v : {&s.taking[0], &s.taking[1], &s.noise[0], &s.noise[1]}) v->assign(m, 0);
	s.labels.assign(e.places, -1);
	vector<double> l(m), y(d), delta((size_t)m * d), by_chance(m, 0);
	for (int i = 0; i < e.places; ++i) {
		if (e.bucket[i] < 0) continue;
		const double *x = &e.x[(size_t)i * d], *u = &e.u[(size_t)i * d], w = e.w[i];
		double most = -INFINITY;
		for (int c = 0; c < m; ++c) {
			double *const dx = &delta[(size_t)c * d], square = 0;
			const float *factor = &r.factors[(size_t)c * size];
			for (int a = 0; a < d; ++a) dx[a] = x[a] - r.means[c * d + a];
			for (int a = 0; a < d; ++a) {
				double v = 0;
				if (p.full) for (int b = 0; b <= a; ++b) v += factor[a * (a + 1) / 2 + b] * dx[b];
				else v = factor[a] * dx[a];
				square += v * v;
			}
			l[c] = r.constants[c] - 0.5 * square;
			if (l[c] > most) most = l[c], s.labels[i] = c;
		}
		double sum = 0;
		for (int c = 0; c < m; ++c) sum += std::exp(l[c] - most);
		s.total += w * (most + std::log(sum));
		for (int first = 0; first < m; first += chunk) {
			const int end = std::min(m, first + chunk);
			double top = -INFINITY;
			for (int c = first; c < end; ++c) top = std::max(top, l[c]);
			for (int c = first; c < end; ++c) {
				if ((i / 16 + (c - first) / 16) % sample) continue;
				// What takes part is more than 2^-24 of a power of two that no weight exceeds; 2^(l - top + 15) in 16 bits is not the highest under 32760.
				const double b = (l[c] - top) * 1.4426950408889634, part = std::exp(l[c] - most) / sum * w / heaviest;
				s.taking[0][c] += part > 0x1p-22, s.taking[1][c] += part > 0x1p-25;
				const double share = std::exp(l[c] - most) / sum * w, least = std::fmax(share * (1 - 2e-3) - 1e-9, 0), noise = share * (1 + 2e-3) + 1e-9;
				const double limit = std::log2(rounded / 32768);
				if (b < std::fmin(limit - 2e-3, std::log2(32740.0 / 32768))) s.noise[0][c] += least * least;
				if (b <= limit + 2e-3 && !(l[c] == top)) s.noise[1][c] += noise * noise;
				else by_chance[c] = std::fmax(by_chance[c], noise * noise); // hardly more than one is a number of 16 bits as it is
			}
		}
		for (int c = 0; c < m; ++c) {
			const double share = std::exp(l[c] - most) / sum * w, *dx = &delta[(size_t)c * d];
			if (share < 1e-40) continue;
			double *const to = &s.sums[(size_t)c * cells];
			to[0] += share;
			for (int a = 0; a < d; ++a) {
				const double v = share * dx[a];
				to[1 + a] += v;
				s.squares[c * d + a] += share * u[a] * u[a];
				if (p.full) for (int b = 0; b <= a; ++b) to[1 + d + a * (a + 1) / 2 + b] += v * dx[b];
				else to[1 + d + a] += v * dx[a];
			}
		}
	}
	for (int c = 0; c < m; ++c) s.noise[1][c] += by_chance[c];
	return s;
}

vector<double> ref_loads(const ref_model &p, const ref_records &r, const vector<float> &centres, const vector<float> &widths) {
	const int d = p.d, size = p.triangle();
	vector<double> loads(p.m);
	for (int c = 0; c < p.m; ++c) {
		vector<double> inverse(d * d);
		const float *factor = &r.factors[(size_t)c * size], *width = &widths[c * d];
		for (int a = 0; a < d; ++a)
			for (int b = 0; b < d; ++b) {
				if (!p.full) {
					if (a == b) inverse[a * d + a] = (double)factor[a] * factor[a];
					continue;
				}
				for (int k = std::max(a, b); k < d; ++k) inverse[a * d + b] += (double)factor[k * (k + 1) / 2 + a] * factor[k * (k + 1) / 2 + b];
			}
		double load = 0, linear = 0, largest = 0;
		for (int a = 0; a < d; ++a) {
			double slope = 0, most = 0;
			for (int b = 0; b < d; ++b) {
				const double v = inverse[a * d + b];
				slope += v * ((double)r.means[c * d + b] - centres[c * d + b]);
				most += std::fabs(v) * (std::fabs((double)r.means[c * d + b]) + 1);
				if (b <= a) load += std::fabs(v) * (a == b ? 0.5 : 1) * width[a] * width[b], largest = std::max(largest, std::fabs(v) * (a == b ? 0.5 : 1));
			}
			linear += std::fabs(slope) * width[a];
			largest = std::max(largest, most);
		}
		loads[c] = load + linear + largest / 65536;
	}
	return loads;
}

ref_model ref_update(const ref_model &p, const ref_records &r, const vector<double> &sums, const vector<double> &ridge) {
	ref_model next = p;
	const int d = p.d, size = p.triangle(), cells = p.cells();
	double total = 0;
	for (int c = 0; c < p.m; ++c) total += sums[(size_t)c * cells];
	for (int c = 0; c < p.m; ++c) {
		const double *s = &sums[(size_t)c * cells], n = s[0];
		next.weights[c] = n / total;
		for (int a = 0; a < d; ++a) {
			next.means[c * d + a] = r.means[c * d + a] + s[1 + a] / n;
			for (int b = p.full ? 0 : a; b <= a; ++b) {
				const int k = p.full ? a * (a + 1) / 2 + b : a;
				next.covariances[(size_t)c * size + k] = (s[1 + d + k] - s[1 + a] * s[1 + b] / n) / n + (a == b ? ridge[a] : 0);
			}
		}
	}
	return next;
}
