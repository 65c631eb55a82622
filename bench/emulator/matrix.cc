// One text of the matrix form, run against float64: matrix.bin CASE KEY=VALUE… prints a line a run, and exits with 1 where something is wrong.
// As runtime/cuda does it: matrix.go (prepareMatrix, launchMatrix, takeSpread), loop.go (loopStart), buckets.go (sortSpan, oneBucket).
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>
#include <algorithm>
#include "simt.h"
#include "ref.h"
#include LAUNCHES
#include KERNEL

namespace harness {

struct launch_of { const char *entry; int threads, shared, tile, blocks, per_unit; bool sums, loop; };

// --- settings
std::string case_name;
std::map<std::string, std::string> settings;
double setting(const char *key, double otherwise) { return settings.count(key) ? atof(settings[key].c_str()) : otherwise; }
std::vector<int> list_of(const char *key, const char *otherwise) {
	std::vector<int> all;
	const std::string text = settings.count(key) ? settings[key] : otherwise;
	for (const char *p = text.c_str(); *p; p += strspn(p, ",")) all.push_back(strtol(p, (char **)&p, 10));
	return all;
}

// --- memory of the device, of exactly its size, and full of what nothing wrote
struct memory {
	unsigned char *at = nullptr;
	size_t bytes = 0;
	~memory() { free(at); }
	memory() {}
	memory(const memory &) = delete;
	memory &operator=(const memory &) = delete;
	void make(size_t size) {
		free(at);
		void *p;
		if (posix_memalign(&p, 256, size)) abort();
		at = (unsigned char *)p, bytes = size;
		emu_poison(at, size);
	}
	template <typename T> T *as() { return (T *)at; }
};

int round_up(int n, int size) { return (n + size - 1) / size * size; }

// What kernels use of the table of buckets and of the workspace, to the byte; runtime/cuda gives them no less.
size_t exactly(const char *what, size_t used, size_t given) {
	if (used > given) emu_fail("the %s is of %zu bytes, and kernels use %zu", what, given, used);
	return used;
}
size_t table_bytes(i64 count, i64 rows) {
	const size_t given = (size_t)count * EMU_PER_BUCKET + 12 + 16 + 4 * rows * CHUNKS;
#ifdef BUCKET_OF_ROW
	unsigned char *const buckets = (unsigned char *)4096;
	return exactly("table of buckets", (unsigned char *)(BUCKET_OF_ROW + rows * CHUNKS) - buckets, given);
#else
	return given;
#endif
}
size_t work_bytes(i64 n) {
	const size_t given = EMU_WORKSPACE + (size_t)round_up((int)n, 64) * EMU_PER_EVENT;
#ifdef LEVELS
	unsigned char *const workspace = (unsigned char *)4096;
	return exactly("workspace", (unsigned char *)(LEVELS + CHUNKS * LEVELS_OF_CHUNK) - workspace, given);
#else
	return given;
#endif
}

struct limits {
	int most = 0, least = 0;
	double tolerance = 0, allowed = 1e-4, tightness = 512, reach = 1e6, noise = 1, rounded = 512;
	std::vector<double> ridge;
};

// device is what runtime/cuda keeps of loaded events.
struct device {
	const ref_world &world;
	const int units;
	int n, count = 1;
	i64 pitch, capacity = 0;
	memory events, weights, records, state, work, table, width, rows_of, sums, counts, order, sorted, sorted_weights, labels, likeliest;
	i64 rows = 0;
	bool in_buckets = false;

	device(const ref_world &w, int units) : world(w), units(units), n(w.n), pitch(w.pitch) {
		events.make((size_t)D * pitch * 4);
		for (int d = 0; d < D; ++d) memcpy(events.as<float>() + d * pitch, &w.events[(size_t)d * pitch], 4 * n); // what is beyond stays as it is
		if (EMU_WEIGHTED) {
			weights.make(4 * n);
			memcpy(weights.at, w.weights.data(), 4 * n);
		}
		records.make(sizeof(float) * 3 * M * RECORD);
		state.make(sizeof(loop_state));
		memset(state.at, 0, state.bytes);
	}

	int slices(const launch_of &l, int n) const { return l.per_unit == 0 ? 1 : std::max(1, std::min(l.per_unit * units / l.blocks, (n + l.tile - 1) / l.tile)); }
	int slices_of_sums(const launch_of &l) const { return std::min(slices(l, n), std::max(1, (512 << 20) / EMU_ROW_BYTES - count)); }

	void run(const launch_of &l, int blocks, int slices, const std::function<void()> &kernel) { emu_launch(l.entry, {(unsigned)blocks, (unsigned)slices, 1}, l.threads, l.shared, kernel); }

	// take puts a model's records where kernels have them.
	void take(const ref_model &p, const ref_records &r) {
		for (int c = 0; c < M; ++c) {
			float *record = records.as<float>() + c * RECORD;
			memset(record, 0, 4 * RECORD);
			if (c >= p.m) {
				record[D + 1] = -INFINITY;
				continue;
			}
			memcpy(record + 1, &r.means[c * D], 4 * D);
			record[D + 1] = (float)r.constants[c];
			memcpy(record + D + 2, &r.factors[(size_t)c * TRIANGLE], 4 * TRIANGLE);
		}
	}

	// prepare makes room for what the kernels leave.
	void prepare(const ref_model &p, const ref_records &r) {
		loop_state *const s = state.as<loop_state>();
		s->base = *std::max_element(r.constants.begin(), r.constants.end());
		for (int c = 0; c < p.m; ++c) s->constants[0][c] = r.constants[c];
		int slices = 0;
#define X(entry, threads, shared, tile, blocks, per_unit, sums, loop) if (sums) slices = slices_of_sums({#entry, threads, shared, tile, blocks, per_unit, sums, loop});
		EMU_LAUNCHES(X)
#undef X
		rows = slices + count;
		work.make(work_bytes(n));
		rows_of.make(rows * EMU_ROW_BYTES);
		sums.make(8 * (M * CELLS + 1 + M * (D + 2)));
		width.make(4 * M * D);
		for (int c = 0; c < M; ++c)
			for (int d = 0; d < D; ++d)
				width.as<float>()[c * D + d] = (float)std::sqrt(in_buckets && c < p.m ? 2 * p.covariances[(size_t)c * TRIANGLE + (p.full ? d * (d + 3) / 2 : d)] : world.variance[d]);
		if (in_buckets) return;
		table.make(table_bytes(1, rows));
		const int bounds[6] = {0, n, 0, round_up(n, 64), round_up(n, 64), (n + density_tile() - 1) / density_tile()};
		memcpy(table.at, bounds, sizeof bounds);
		memset(table.at + sizeof bounds, 0, 4 * D);
	}

	static int density_tile() { return EMU_TILE; }

	// launch runs a pass, with what makes it one of a loop where it is, or labels events that were passed over.
	enum { PASS, LOOP, LABEL };
	void launch(int what) {
		const float *const emu_argument_events = in_buckets ? sorted.as<float>() : events.as<float>(), *const emu_argument_weights = EMU_WEIGHTED ? in_buckets ? sorted_weights.as<float>() : weights.as<float>() : nullptr;
		const i64 emu_argument_pitch = in_buckets ? capacity : pitch, emu_argument_n = n, emu_argument_count = count, emu_argument_rows = rows;
		float *const emu_argument_params = records.as<float>(), *const emu_argument_spread = width.as<float>();
		void *const emu_argument_loop = state.at;
		unsigned char *const emu_argument_workspace = work.at, *const emu_argument_buckets = table.at;
		const float emu_argument_gain = (float)world.gain;
		double *const emu_argument_partial = rows_of.as<double>(), *const emu_argument_out = sums.as<double>();
		int *const emu_argument_labels = likeliest.as<int>();
		bool first = true;
#define X(entry, threads, shared, tile, blocks, per_unit, sums, loop) \
		if (!loop || what == LOOP) { \
			const launch_of l = {#entry, threads, shared, tile, blocks, per_unit, sums, loop}; \
			const int parts = first ? std::min(std::max(1, 8 * units / blocks), (count + threads / 32 - 1) / (threads / 32)) : sums ? slices_of_sums(l) : slices(l, n); \
			first = false; \
			run(l, blocks, parts, [&] { entry(EMU_ARGUMENTS_##entry); }); \
		}
		if (what == LABEL) {
			EMU_LABEL(X)
		} else {
			EMU_LAUNCHES(X)
		}
#undef X
	}

	// sort puts events into buckets by label.
	void sort(const ref_model &p, const std::vector<int> &label) {
		count = p.m, capacity = round_up(world.n, 64) + p.m * 64;
		in_buckets = true;
		int slices = 0, tile_of_first = 0;
		n = (int)capacity;
#define X(entry, threads, shared, tile, blocks, per_unit, sums, loop) if (sums) slices = slices_of_sums({#entry, threads, shared, tile, blocks, per_unit, sums, loop});
		EMU_LAUNCHES(X)
#undef X
#define X(entry, threads, shared, tile, blocks, per_unit, sums, loop) if (!tile_of_first) tile_of_first = tile;
		EMU_SORTS(X)
#undef X
		const int parts = (world.n + tile_of_first - 1) / tile_of_first;
		table.make(table_bytes(count, slices + count));
		sorted.make(capacity * D * 4);
		counts.make((size_t)parts * M * 4);
		order.make(capacity * 4);
		labels.make(4 * world.n);
		if (EMU_WEIGHTED) sorted_weights.make(capacity * 4);
		memcpy(labels.at, label.data(), labels.bytes);
		for (int i = 0; i < p.m * D; ++i) ((float *)(table.at + (count + 1) * 12))[i] = (float)std::max(-1.0, std::min(1.0, p.means[i]));
		memset(order.at, 0xff, order.bytes);
		const float *const emu_argument_events = events.as<float>(), *const emu_argument_weights = EMU_WEIGHTED ? weights.as<float>() : nullptr;
		const i64 emu_argument_pitch = pitch, emu_argument_n = world.n, emu_argument_count = count, emu_argument_capacity = capacity;
		const int *const emu_argument_labels = labels.as<int>();
		unsigned char *const emu_argument_buckets = table.at;
		int *const emu_argument_counts = counts.as<int>(), *const emu_argument_order = order.as<int>();
		float *const emu_argument_sorted = sorted.as<float>(), *const emu_argument_sorted_weights = EMU_WEIGHTED ? sorted_weights.as<float>() : nullptr;
#define X(entry, threads, shared, tile, blocks, per_unit, sums, loop) \
		run({#entry, threads, shared, tile, blocks, per_unit, sums, loop}, blocks > 0 ? blocks : tile == tile_of_first ? parts : ((int)capacity + tile - 1) / tile, 1, [&] { entry(EMU_ARGUMENTS_##entry); });
		EMU_SORTS(X)
#undef X
	}

	std::vector<float> centres() const {
		const float *at = (const float *)(table.at + (count + 1) * 12);
		return {at, at + count * D};
	}

	// start_loop is what a loop begins with.
	void start_loop(const ref_model &p, const limits &limit, double previous) {
		loop_state *const s = state.as<loop_state>();
		const std::vector<double> constants(s->constants[0], s->constants[0] + p.m);
		const double base = s->base;
		memset(state.at, 0, offsetof(loop_state, means));
		s->most = limit.most, s->least = limit.least, s->tolerance = limit.tolerance, s->previous = previous;
		s->empty = 1e-10, s->rounding = 1e-13, s->pivot = 2 * 64 * 0x1p-52 * D, s->log_scale = world.log_scale;
		const double each = world.n / world.weight;
		s->tightness = limit.tightness, s->by_root = 2e-6 / limit.allowed / std::sqrt(each), s->cut = 2e-8 / limit.allowed;
		s->by_share = 1.3e-6 / limit.allowed / world.weight, s->by_taking = 4e-7 / limit.allowed / world.n;
		s->load = limit.allowed / 6e-10, s->by_noise = limit.noise * 1.2e-3 / limit.allowed;
		s->rounded = limit.rounded, s->least_rounded = 128, s->most_rounded = 32768, s->narrow = 0x1p-20, s->narrow_sum = 0x1p-46 / limit.allowed / limit.allowed / each;
		for (int d = 0; d < D; ++d) s->ridge[d] = limit.ridge[d], s->reach[d] = limit.reach;
		s->base = base;
		for (int c = 0; c < M; ++c) s->weights[0][c] = c < p.m ? 0 : -1;
		for (int c = 0; c < p.m; ++c) s->constants[0][c] = constants[c];
	}
};

// --- what is wrong
bool failed;
void wrong(const char *format, ...) {
	va_list a;
	va_start(a, format);
	printf("\n    FAIL ");
	vprintf(format, a);
	va_end(a);
	failed = true;
}
void at_most(const char *what, double error, double most) {
	printf(" %s %.1e", what, error);
	if (!(error <= most)) wrong("%s: %.3e, more than %.1e", what, error, most);
}
double worse(double a, double b) { return a != a || b != b ? NAN : std::max(a, b); }

ref_places places_of(const device &v) {
	ref_places e;
	const ref_world &w = v.world;
	e.places = v.n;
	e.bucket.assign(v.n, -1), e.x.assign((size_t)v.n * D, 0), e.u.assign((size_t)v.n * D, 0), e.w.assign(v.n, 0);
	const int *const order = (const int *)v.order.at;
	const std::vector<float> centre = v.in_buckets ? v.centres() : std::vector<float>(D, 0);
	for (int i = 0; i < v.n; ++i) {
		const int event = v.in_buckets ? order[i] : i;
		if (event < 0) continue;
		e.bucket[i] = v.in_buckets ? ((const int *)v.labels.at)[event] : 0;
		e.w[i] = w.weights.empty() ? 1 : w.weights[event];
		for (int d = 0; d < D; ++d) {
			const double c = centre[e.bucket[i] * D + d], u = v.in_buckets ? ((const float *)v.sorted.at)[d * v.capacity + i] : w.events[(size_t)d * w.pitch + event];
			e.u[(size_t)i * D + d] = u, e.x[(size_t)i * D + d] = c + u;
		}
	}
	return e;
}

// compare_sums holds what a pass has left against float64.
void compare_sums(device &v, const ref_model &p, const ref_records &r, const ref_sums &want, bool loads_too, double tolerance) {
	const double *const out = v.sums.as<double>(), *const squares = out + M * CELLS + 1, *const loads = squares + M * D, *const taking = loads + M;
	double of_weight = 0, of_first = 0, of_second = 0, of_square = 0, tightest = 0;
	double each = v.world.weight / v.world.n;
	for (int c = 0; c < p.m; ++c) {
		const double *got = out + c * CELLS, *ref = &want.sums[(size_t)c * CELLS], n = std::max(ref[0], each);
		of_weight = worse(of_weight, std::fabs(got[0] - ref[0]) / n);
		auto deviation = [&](int a) { return std::sqrt(p.covariances[(size_t)c * TRIANGLE + (p.full ? a * (a + 3) / 2 : a)]); };
		for (int a = 0; a < D; ++a) {
			if (ref[0] > each) tightest = std::max(tightest, want.squares[c * D + a] / (ref[0] * deviation(a) * deviation(a)));
			of_first = worse(of_first, std::fabs(got[1 + a] - ref[1 + a]) / (n * deviation(a)));
			of_square = worse(of_square, std::fabs(squares[c * D + a] - want.squares[c * D + a]) / (want.squares[c * D + a] + each * deviation(a) * deviation(a)));
			for (int b = p.full ? 0 : a; b <= a; ++b) {
				const int k = 1 + D + (p.full ? a * (a + 1) / 2 + b : a);
				of_second = worse(of_second, std::fabs(got[k] - ref[k]) / (n * deviation(a) * deviation(b)));
			}
		}
	}
	printf(" tight %.0f", tightest);
	for (int c = p.m; c < M; ++c)
		for (int k = 0; k < (v.state.as<loop_state>()->current ? 1 : CELLS); ++k) // about a mean that is there
			if (out[c * CELLS + k] != 0) {
				wrong("a component that fills up has %g in cell %d", out[c * CELLS + k], k);
				break;
			}
	at_most("weights", of_weight, tolerance);
	at_most("first", of_first, tolerance);
	at_most("second", of_second, 2 * tolerance);
	at_most("squares", of_square, 2 * tolerance);
	at_most("total", std::fabs(out[M * CELLS] - want.total) / v.world.weight, 2 * tolerance);
	if (!loads_too) return;
	std::vector<float> centres(p.m * D, 0), widths(v.width.as<float>(), v.width.as<float>() + p.m * D);
	if (v.in_buckets) centres = v.centres();
	const std::vector<double> load = ref_loads(p, r, centres, widths);
	double of_load = 0;
	for (int c = 0; c < p.m; ++c) of_load = worse(of_load, std::fabs(loads[c] / load[c] - 1));
	at_most("loads", of_load, 2e-6);
	for (int c = 0; c < p.m; ++c)
		// Where a chunk takes no part at all, its components count none.
		if (!((CHUNKS > 1 || taking[c] >= SAMPLE * want.taking[0][c]) && taking[c] <= SAMPLE * want.taking[1][c])) {
			wrong("in component %d take part %g, of %g … %g", c, taking[c], SAMPLE * want.taking[0][c], SAMPLE * want.taking[1][c]);
			break;
		}
#ifdef NOISE
	unsigned char *const workspace = v.work.at;
	const double up = v.world.gain / 0x1p28 * (v.world.gain / 0x1p28) * 4096, rounding = 0.5 * (v.n / 16 / SAMPLE + 4) + 1;
	for (int c = 0; c < p.m; ++c) {
		const double noise = (double)(NOISE[c] & ((1ull << COUNT) - 1));
		if (!(noise >= want.noise[0][c] * up - rounding && noise <= want.noise[1][c] * up + rounding)) {
			wrong("the noise of component %d is %g, of %g … %g and %g of rounding", c, noise, want.noise[0][c] * up, want.noise[1][c] * up, rounding);
			break;
		}
	}
#endif
}

// bits is what has to be the same whatever the order of threads and whatever memory held.
std::vector<unsigned char> bits_of(device &v, const ref_model &p, int models) {
	std::vector<unsigned char> all(v.sums.at, v.sums.at + v.sums.bytes);
	// Components that fill up have no records but in the first model, so that what is summed about their means is anything; it is not used.
	if (v.state.as<loop_state>()->current)
		for (int c = p.m; c < M; ++c) memset(all.data() + 8 * (c * CELLS + 1), 0, 8 * (CELLS - 1));
	all.insert(all.end(), v.state.at, v.state.at + v.state.bytes);
	for (int k = 0; k < models; ++k) {
		const unsigned char *of = (const unsigned char *)(v.records.as<float>() + k * M * RECORD);
		all.insert(all.end(), of, of + 4 * p.m * RECORD);
	}
	all.insert(all.end(), v.width.at, v.width.at + v.width.bytes);
	if (v.in_buckets) {
		all.insert(all.end(), v.table.at, v.table.at + (v.count + 1) * 12);
		all.insert(all.end(), v.order.at, v.order.at + v.order.bytes);
		all.insert(all.end(), v.sorted.at, v.sorted.at + v.sorted.bytes);
		all.insert(all.end(), v.sorted_weights.at, v.sorted_weights.at + v.sorted_weights.bytes);
	}
	return all;
}

// check_buckets holds sorted events against a plain sort.
void check_buckets(device &v, const ref_model &p, const std::vector<int> &label) {
	const ref_world &w = v.world;
	const int *const bound = v.table.as<int>(), *const order = v.order.as<int>(), tile = v.density_tile();
	std::vector<int> want(v.capacity, -1);
	int first = 0, tiles = 0, empty = 0;
	for (int c = 0; c < v.count; ++c) {
		int at = first;
		for (int i = 0; i < w.n; ++i) if (label[i] == c) want[at++] = i;
		if (bound[3 * c] != first || bound[3 * c + 1] != at || bound[3 * c + 2] != tiles) return wrong("bucket %d is %d … %d with %d tiles before, not %d … %d with %d", c, bound[3 * c], bound[3 * c + 1], bound[3 * c + 2], first, at, tiles);
		empty += at == first;
		tiles += (at - first + tile - 1) / tile;
		first = round_up(at, 64);
	}
	if (bound[3 * v.count] != first || bound[3 * v.count + 1] != first || bound[3 * v.count + 2] != tiles) wrong("the table's end is %d, %d, %d, not %d, %d, %d", bound[3 * v.count], bound[3 * v.count + 1], bound[3 * v.count + 2], first, first, tiles);
	printf(" (%d buckets, %d empty)", v.count, empty);
	const std::vector<float> centre = v.centres();
	for (int i = 0; i < v.capacity; ++i) {
		if (order[i] != want[i]) return wrong("at place %d is event %d, not %d", i, order[i], want[i]);
		for (int d = 0; d < D; ++d) {
			const float x = want[i] < 0 ? 0 : w.events[(size_t)d * w.pitch + want[i]] - centre[label[want[i]] * D + d];
			if (v.sorted.as<float>()[d * v.capacity + i] != x) return wrong("at place %d coordinate %d is %g, not %g", i, d, v.sorted.as<float>()[d * v.capacity + i], x);
		}
		if (EMU_WEIGHTED && v.sorted_weights.as<float>()[i] != (want[i] < 0 ? 0 : w.weights[want[i]])) return wrong("at place %d the weight is wrong", i);
	}
}

// compare_labels allows for events at which two components are nearly as likely.
void compare_labels(device &v, const std::vector<int> &label) {
	int other = 0;
	for (int i = 0; i < v.n; ++i) other += v.likeliest.as<int>()[i] != label[i];
	if (other > 1 + v.n / 200) wrong("%d of %d labels are others", other, v.n);
}

void compare_models(device &v, const ref_model &want, int at, const char *what, double tolerance) {
	const loop_state *const s = v.state.as<loop_state>();
	double of_weight = 0, of_mean = 0, of_covariance = 0;
	auto deviation = [&](int c, int a) { return std::sqrt(want.covariances[(size_t)c * TRIANGLE + (want.full ? a * (a + 3) / 2 : a)]); };
	for (int c = 0; c < want.m; ++c) {
		of_weight = worse(of_weight, std::fabs(s->weights[at][c] / want.weights[c] - 1));
		for (int a = 0; a < D; ++a) {
			of_mean = worse(of_mean, std::fabs(s->means[at][c * D + a] - want.means[c * D + a]) / deviation(c, a));
			for (int b = want.full ? 0 : a; b <= a; ++b) {
				const int k = want.full ? a * (a + 1) / 2 + b : a;
				of_covariance = worse(of_covariance, std::fabs(s->covariances[at][(size_t)c * TRIANGLE + k] - want.covariances[(size_t)c * TRIANGLE + k]) / (deviation(c, a) * deviation(c, b)));
			}
		}
	}
	for (int c = want.m; c < M; ++c)
		if (!(s->weights[at][c] < 0)) wrong("a component that fills up has weight %g", s->weights[at][c]);
	at_most(what, worse(of_weight, worse(of_mean, of_covariance)), tolerance);
}

// compare_records holds the records that an M-step has left against those of its own model.
void compare_records(device &v, const ref_model &like, int at) {
	const loop_state *const s = v.state.as<loop_state>();
	ref_model p = like;
	for (int c = 0; c < p.m; ++c) p.weights[c] = s->weights[at][c];
	p.means.assign(s->means[at], s->means[at] + p.m * D);
	p.covariances.assign(s->covariances[at], s->covariances[at] + (size_t)p.m * TRIANGLE);
	const ref_records r = ref_pack(p, v.world.log_scale);
	double off = 0;
	for (int c = 0; c < M; ++c) {
		const float *record = v.records.as<float>() + ((size_t)at * M + c) * RECORD;
		if (record[0] != 0) wrong("record %d begins with %g", c, record[0]);
		if (c >= p.m) {
			if (!(record[D + 1] == -INFINITY) || !(s->constants[at][c] == -INFINITY)) wrong("component %d, which fills up, has constant %g", c, record[D + 1]);
			continue;
		}
		for (int a = 0; a < D; ++a) {
			off = worse(off, std::fabs(record[1 + a] - r.means[c * D + a]));
			double largest = 0;
			for (int b = p.full ? 0 : a; b <= a; ++b) largest = std::max(largest, std::fabs((double)r.factors[(size_t)c * TRIANGLE + (p.full ? a * (a + 1) / 2 + b : a)]));
			for (int b = p.full ? 0 : a; b <= a; ++b) {
				const int k = p.full ? a * (a + 1) / 2 + b : a;
				off = worse(off, std::fabs((double)record[D + 2 + k] - r.factors[(size_t)c * TRIANGLE + k]) / largest);
			}
		}
		off = worse(off, std::fabs(s->constants[at][c] - r.constants[c]) / (1 + std::fabs(r.constants[c])));
		off = worse(off, std::fabs(record[D + 1] - r.constants[c]) / (1 + std::fabs(r.constants[c])));
	}
	double base = -INFINITY;
	for (double c : r.constants) base = std::max(base, c);
	if (std::fabs(s->base - base) > 1e-9 * (1 + std::fabs(base))) wrong("constants are counted from %.12g, not %.12g", s->base, base);
	at_most("records", off, 2e-7);
}

int chunk_components() { return CHUNK; }

// lows says how many low halves there are: of 16 components and 16 events, in how many.
void show_lows(const device &v) {
#ifdef LEVELS
	unsigned char *const workspace = v.work.at;
	const i64 n = v.n;
	const int groups = (v.in_buckets ? v.table.at ? ((const int *)v.table.at)[3 * v.count] : 0 : round_up(v.n, 64)) / 16;
	double count = 0;
	for (int c = 0; c < CHUNKS; ++c)
		for (int k = 0; k < groups; ++k) count += __builtin_popcount((LEVELS + c * LEVELS_OF_CHUNK)[k]);
	printf(" lows %.0f%%", 100 * count / ((double)CHUNKS * groups * ROWS));
#endif
}

int main(int count, char **arguments) {
	case_name = arguments[1];
	emu_case = case_name.c_str();
	for (int i = 2; i < count; ++i) {
		const char *is = strchr(arguments[i], '=');
		settings[std::string(arguments[i], is - arguments[i])] = is + 1;
	}
	static_assert(offsetof(loop_state, totals) == 4 * LOOP_INTS + 8 * (LOOP_FLOATS + 2 * D), "loop_state is not what runtime/cuda/loop.go takes it for");
	static_assert(offsetof(loop_state, status) == offsetof(loop_state, totals) + 8 * PASSES && offsetof(loop_state, constants) == offsetof(loop_state, status) + (4 * M + 7) / 8 * 8 + 8, "loop_state: status or constants");
	static_assert(offsetof(loop_state, base) + 8 == offsetof(loop_state, constants), "loop_state: base comes before the constants");
	static_assert(offsetof(loop_state, weights) == offsetof(loop_state, constants) + 24 * M && offsetof(loop_state, means) == offsetof(loop_state, weights) + 24 * M, "loop_state: weights or means");
	static_assert(offsetof(loop_state, covariances) == offsetof(loop_state, means) + 24 * M * D && sizeof(loop_state) == offsetof(loop_state, covariances) + 24 * M * TRIANGLE, "loop_state: covariances");
	static_assert(M == EMU_COMPONENTS, "");

	const std::string kind = settings.count("kind") ? settings["kind"] : "pass";
	const int n = (int)setting("n", 1000), m = (int)setting("m", M), passes = (int)setting("passes", 3);
	const bool buckets = setting("buckets", 0) != 0, loop = kind == "loop", empty = setting("empty", 0) != 0;
	const double tolerance = setting("tol", 4e-6);
	const ref_world world = ref_make(n, m, D, EMU_FULL, EMU_WEIGHTED, setting("apart", 2), empty, (unsigned long long)setting("seed", 1));
	const ref_records packed = ref_pack(world.start, world.log_scale);
	limits limit;
	limit.most = passes, limit.least = (int)setting("least", 1);
	limit.tolerance = setting("tolerance", 0), limit.allowed = setting("allowed", 1e-4), limit.tightness = setting("tightness", 512);
	limit.reach = setting("reach", 1e6), limit.noise = setting("noise", 1), limit.rounded = setting("rounded", loop ? 512 : 0);
	for (int d = 0; d < D; ++d) limit.ridge.push_back(setting("ridge", 1e-3) * world.variance[d]);
	emu.cut = (int)setting("cut", 2);

	for (int units : list_of("units", "1,4,132")) {
		std::vector<unsigned char> bits;
		int o = 0;
		for (int order : list_of("orders", "0,1,2,3")) {
			emu.order = order, emu.poison = order, emu.fetch = order % 3, emu.seed = 1 + order;
			device v(world, units);
			v.take(world.start, packed);
			const bool judged = o++ == 0;
			if (judged) printf("%-34s %s%s n=%d m=%d of %d, units %d:", case_name.c_str(), loop ? "loop" : "pass", buckets ? " in buckets" : "", n, m, M, units);
			std::vector<int> label;
			if (buckets) {
				const ref_places all = places_of(v);
				label = ref_pass(all, world.start, packed, chunk_components(), SAMPLE, limit.rounded).labels;
				v.sort(world.start, label);
				if (judged) check_buckets(v, world.start, label);
			}
			v.prepare(world.start, packed);
			const loop_state *const s = v.state.as<loop_state>();
			int models = 1;
			if (!loop) {
				v.state.as<loop_state>()->rounded = limit.rounded;
				v.launch(device::PASS);
				if (!buckets) {
					v.likeliest.make(4 * v.n);
					v.launch(device::LABEL);
				}
				if (judged) {
					const ref_sums want = ref_pass(places_of(v), world.start, packed, chunk_components(), SAMPLE, limit.rounded);
					compare_sums(v, world.start, packed, want, true, tolerance);
					if (!buckets) compare_labels(v, want.labels);
				}
			} else {
				const double before = setting("previous", -1e300);
				v.start_loop(world.start, limit, before);
				int rounds = 0;
				while (s->stop == 0 && rounds++ < passes + 8) v.launch(device::LOOP);
				models = std::min(3, s->passes + 1);
				if (s->stop == STOP_DONE && s->passes < 3) models = s->passes + 1;
				if (judged) {
					const int stop = (int)setting("stop", STOP_DONE), counted = (int)setting("counted", passes), again = (int)setting("again", 0);
					printf(" stop %d after %d", s->stop, s->passes);
					if (s->stop != stop || s->passes != counted || rounds != counted + again) wrong("it stopped for %d, not %d, with %d passes, not %d, and %d rounds, not %d", s->stop, stop, s->passes, counted, rounds, counted + again);
					if (s->finished != 0) wrong("%d components are finished", s->finished);
					ref_model p = world.start, next;
					ref_records r = packed;
					ref_sums sums;
					double of_total = 0;
					const ref_places places = places_of(v);
					const double loop_tolerance = setting("looptol", 1e-4);
					for (int k = 0; k < s->passes; ++k) {
						sums = ref_pass(places, p, r, chunk_components(), SAMPLE, limit.rounded);
						of_total = worse(of_total, std::fabs(s->totals[k] - sums.total) / world.weight);
						next = ref_update(p, r, sums.sums, limit.ridge);
						if (k + 1 < s->passes) p = next, r = ref_pack(p, world.log_scale);
					}
					if (s->passes > 0) {
						at_most("totals", of_total, loop_tolerance);
						const int at = (s->passes - 1) % 3;
						if (s->stop != STOP_INACCURATE && s->current != at) wrong("it is at model %d, not %d", s->current, at);
						if (s->stop != STOP_INACCURATE) {
							if (s->passes > 1) compare_models(v, p, at, "model", loop_tolerance), compare_records(v, p, at);
							if (stop == STOP_DONE) compare_models(v, next, (at + 1) % 3, "next", loop_tolerance);
							compare_sums(v, p, r, sums, false, loop_tolerance);
						}
					}
					const double status = setting("status", -1);
					if (status >= 0 && s->status[0] != (int)status) wrong("component 0 has status %d, not %d", s->status[0], (int)status);
				}
				if (s->stop == STOP_MEND || s->stop == STOP_INACCURATE) models = std::min(models, std::max(1, s->passes)); // what is left half done is nobody's
			}
			if (judged) show_lows(v);
			const std::vector<unsigned char> now = bits_of(v, world.start, models);
			if (judged) bits = now;
			else if (now.size() != bits.size() || memcmp(now.data(), bits.data(), now.size())) {
				size_t at = 0;
				while (at < now.size() && now[at] == bits[at]) ++at;
				const size_t out = v.sums.bytes, state = out + v.state.bytes, params = state + (size_t)models * 4 * m * RECORD;
				if (at < out) wrong("order %d: sum %zu (component %zu) has other bits: %.17g, not %.17g", order, at / 8, at / 8 / CELLS, ((const double *)now.data())[at / 8], ((const double *)bits.data())[at / 8]);
				else if (at < state) wrong("order %d: the loop's state has other bits at %zu (totals are at %zu, status %zu, constants %zu, weights %zu, means %zu, covariances %zu)", order, at - out, offsetof(loop_state, totals), offsetof(loop_state, status), offsetof(loop_state, constants), offsetof(loop_state, weights), offsetof(loop_state, means), offsetof(loop_state, covariances));
				else if (at < params) wrong("order %d: number %zu of component %zu's record in model %zu has other bits", order, (at - state) / 4 % RECORD, (at - state) / 4 / RECORD % m, (at - state) / 4 / RECORD / m);
				else wrong("order %d: spreads or buckets have other bits", order);
			}
			fflush(stdout);
		}
		printf("\n");
	}
	if (getenv("EMU_PROFILE")) emu_times();
	return failed;
}

} // namespace harness

int main(int count, char **arguments) { return harness::main(count, arguments); }
