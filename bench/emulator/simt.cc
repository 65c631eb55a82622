// The machine of simt.h: compiled without sanitizers, which it tells what they have to know.
#include "simt.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <time.h>
#include <map>
#include <string>
#include <vector>

extern "C" {
// ThreadSanitizer's, where it is there.
__attribute__((weak)) void *__tsan_create_fiber(unsigned);
__attribute__((weak)) void __tsan_switch_to_fiber(void *, unsigned);
__attribute__((weak)) void *__tsan_get_current_fiber();
__attribute__((weak)) void __tsan_acquire(void *);
__attribute__((weak)) void __tsan_release(void *);
__attribute__((weak)) void AnnotateIgnoreWritesBegin(const char *, int);
__attribute__((weak)) void AnnotateIgnoreWritesEnd(const char *, int);
void emu_switch(void **from, void *to);
void emu_begin();
}

// emu_switch keeps what a function has to, and goes on on another stack; emu_begin is where a new one begins.
asm(R"(
.text
.globl emu_switch
.type emu_switch,@function
emu_switch:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
.size emu_switch,.-emu_switch
)");

emu_dim threadIdx, blockIdx, blockDim, gridDim;
emu_machine emu;
const char *emu_case = "";

namespace {

enum { MOST = 1024, MOST_GATES = 64, MOST_COPIES = 300, STACK = 256 << 10 };
enum kind { SHUFFLE, BALLOT, MATCH, SYNCWARP, MMA, VOTE = 100 };

struct later { emu_copy copy; int group; };
struct later_product { emu_group_product product; int group; };

// An mbarrier, or a barrier of some warps: who waits, and how often it opened.
struct gate {
	unsigned at;
	int arrivals, missing, opened, bytes, waiters, copied;
	int waiting[MOST];
	emu_whole copies[MOST_COPIES];
	char sync[2];
};

// A fiber, with its stack; of each block it is another thread of.
struct fiber {
	void *sp = nullptr, *tsan = nullptr;
	char *stack = nullptr;
};

// A thread of the block at hand.
struct thread {
	fiber *on;
	bool done, fenced;
	int kind;
	unsigned mask;
	uint64_t in, out;
	int from;
	const unsigned *a;
	float *sum;
	unsigned b[2];
	int barrier;
	std::vector<later> copies;
	size_t first_copy;
	std::vector<later_product> products;
	size_t next_product;
	int groups, product_groups;
	emu_stored stored[8];
	int stored_count;
};

const char *kernel_name;
const std::function<void()> *body;
thread T[MOST];
fiber *fibers[MOST];
int threads, warps, current, live;
unsigned ready[32], waiting[32]; // of a warp; lanes in a rendezvous of it
unsigned ready_warps;
int at_barrier, barrier_kind, barrier_value[2], generation;
void *main_sp, *main_tsan;
bool stuck;
unsigned long long rng, switches;
char sync_barrier[2], sync_warp[32][2], sync_kernel, sync_start; // addresses alone
int warp_generation[32];

gate gates[MOST_GATES], barriers[16];
int count_gates;

struct area { char *at; size_t bytes; };
std::map<int, area> statics;
area dynamic;
size_t static_bytes;

unsigned random_of(unsigned n) {
	rng ^= rng << 13; rng ^= rng >> 7; rng ^= rng << 17;
	return (unsigned)((rng >> 33) % n);
}

void acquire(void *at) { if (__tsan_acquire) __tsan_acquire(at); }
void release(void *at) { if (__tsan_release) __tsan_release(at); }

int lowest(unsigned m) { return __builtin_ctz(m); }
int highest(unsigned m) { return 31 - __builtin_clz(m); }
int nth(unsigned m, int n) { while (n--) m &= m - 1; return lowest(m); }

// pick returns the thread that runs next, or -1.
int pick() {
	if (!ready_warps) return -1;
	int w = current >= 0 ? current / 32 : 0, lane;
	switch (emu.order) {
	case 0:
		if (!ready[w]) w = lowest(ready_warps);
		lane = lowest(ready[w]);
		break;
	case 1:
		if (!ready[w]) w = highest(ready_warps);
		lane = highest(ready[w]);
		break;
	case 2:
		w = nth(ready_warps, random_of(__builtin_popcount(ready_warps)));
		lane = nth(ready[w], random_of(__builtin_popcount(ready[w])));
		break;
	default: {
		const unsigned later = w < 31 ? ready_warps & ~((2u << w) - 1) : 0;
		w = lowest(later ? later : ready_warps);
		lane = w % 2 ? lowest(ready[w]) : highest(ready[w]);
	}
	}
	return 32 * w + lane;
}

void resume(void **from, int next) {
	++switches;
	current = next;
	const int w = next / 32;
	if (!(ready[w] &= ~(1u << next % 32))) ready_warps &= ~(1u << w);
	threadIdx.x = next;
	if (__tsan_switch_to_fiber) __tsan_switch_to_fiber(T[next].on->tsan, 1);
	emu_switch(from, T[next].on->sp);
}

void to_main(void **from) {
	if (__tsan_switch_to_fiber) __tsan_switch_to_fiber(main_tsan, 1);
	emu_switch(from, main_sp);
}

// rest lets others run until this thread is ready again.
void rest() {
	fiber *const own = T[current].on;
	const int next = pick();
	if (next < 0) {
		stuck = true;
		to_main(&own->sp);
	}
	if (next == current) { // it was made ready by itself
		const int w = next / 32;
		if (!(ready[w] &= ~(1u << next % 32))) ready_warps &= ~(1u << w);
		return;
	}
	resume(&own->sp, next);
}

void make_ready(int w, unsigned lanes) {
	ready[w] |= lanes;
	ready_warps |= 1u << w;
}

// arrive returns whether this thread is the last of a warp's rendezvous; where it is not, it comes back when that is over.
bool arrive(int kind, unsigned mask) {
	thread &t = T[current];
	const int w = current / 32;
	const unsigned own = 1u << current % 32;
	if (!(mask & own)) emu_fail("a thread is not one of those that it meets: mask %x", mask);
	t.kind = kind, t.mask = mask;
	waiting[w] |= own;
	if ((waiting[w] & mask) != mask) {
		rest();
		return false;
	}
	for (int l = 0; l < 32; ++l)
		if (mask >> l & 1 && (T[32 * w + l].kind != kind || T[32 * w + l].mask != mask))
			emu_fail("threads of a warp meet in different places: lane %d in %d with mask %x, lane %d in %d with mask %x", current % 32, kind, mask, l, T[32 * w + l].kind, T[32 * w + l].mask);
	return true;
}

void leave() { // the last of a rendezvous lets the others go
	const int w = current / 32;
	const unsigned mask = T[current].mask;
	waiting[w] &= ~mask;
	make_ready(w, mask);
	rest();
}

void check_barrier() {
	if (at_barrier == 0 || at_barrier < live) return;
	if (live < threads) emu_fail("%d of %d threads have returned while the others wait for all at a barrier", threads - live, threads);
	int value = barrier_kind == 1;
	for (int i = 0; i < threads; ++i) {
		const bool v = T[i].barrier != 0;
		value = barrier_kind == 1 ? value && v : barrier_kind == 2 ? value || v : value + v;
	}
	barrier_value[generation & 1] = value;
	++generation;
	at_barrier = 0;
	for (int i = 0; i < threads; ++i) make_ready(i / 32, 1u << i % 32);
}

gate &gate_at(unsigned address) {
	for (int i = 0; i < count_gates; ++i)
		if (gates[i].at == address) return gates[i];
	emu_fail("a gate at %u that nothing made", address);
	return gates[0];
}

void wake(gate &g) {
	for (int i = 0; i < g.waiters; ++i) make_ready(g.waiting[i] / 32, 1u << g.waiting[i] % 32);
	g.waiters = 0;
}

void await(gate &g) {
	g.waiting[g.waiters++] = current;
	rest();
}

// try_open opens a gate where nothing is missing.
void try_open(gate &g) {
	release(&g.sync[g.opened & 1]);
	if (g.missing > 0) return;
	// Whoever waits makes the copies that are missing, or finds them made.
	if (g.bytes == 0) g.missing = g.arrivals, ++g.opened;
	wake(g);
}

void come(gate &g) {
	--g.missing;
	try_open(g);
}

// stay waits until a gate has opened so often.
void stay(gate &g, int often) {
	while (g.opened < often) await(g);
	acquire(&g.sync[(often - 1) & 1]);
}

void run() {
	for (;;) {
		acquire(&sync_start);
		(*body)();
		thread &t = T[current];
		release(&sync_kernel);
		t.done = true;
		if (t.stored_count) emu_fail("a thread returns while copies of its from shared memory are under way");
		--live;
		check_barrier();
		const int next = live > 0 ? pick() : -1;
		if (next < 0) {
			stuck = live > 0;
			to_main(&t.on->sp);
		} else resume(&t.on->sp, next);
	}
}

char *reserve(size_t bytes, size_t aligned) {
	void *p = nullptr;
	if (AnnotateIgnoreWritesBegin) AnnotateIgnoreWritesBegin("", 0);
	if (posix_memalign(&p, aligned, bytes ? bytes : 1)) emu_fail("out of memory");
	if (AnnotateIgnoreWritesEnd) AnnotateIgnoreWritesEnd("", 0);
	emu_poison(p, bytes);
	return (char *)p;
}

void give_back(void *p) {
	if (AnnotateIgnoreWritesBegin) AnnotateIgnoreWritesBegin("", 0);
	free(p);
	if (AnnotateIgnoreWritesEnd) AnnotateIgnoreWritesEnd("", 0);
}

void run_block(size_t shared) {
	dynamic = {reserve(shared, 128), shared};
	for (auto &s : statics) s.second.at = reserve(s.second.bytes, 16);
	std::vector<int> order(threads); // which fiber each thread runs on: another one in each block
	for (int i = 0; i < threads; ++i) order[i] = i;
	if (emu.order >= 2 || __tsan_acquire)
		for (int i = threads; i > 1; --i) std::swap(order[i - 1], order[random_of(i)]);
	for (int i = 0; i < threads; ++i) {
		fiber *&f = fibers[order[i]];
		if (!f) {
			f = new fiber;
			f->stack = (char *)mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
			mprotect(f->stack, 4096, PROT_NONE);
			void **sp = (void **)(f->stack + STACK - 64 - order[i] * 448 % (64 << 10)); // in other lines of the cache each
			*--sp = nullptr;
			*--sp = (void *)run;
			for (int k = 0; k < 6; ++k) *--sp = nullptr;
			f->sp = sp;
			if (__tsan_create_fiber) f->tsan = __tsan_create_fiber(0);
		}
		thread &t = T[i];
		t.on = f;
		t.done = t.fenced = false;
		t.copies.clear();
		t.products.clear();
		t.first_copy = t.next_product = 0, t.groups = t.product_groups = t.stored_count = 0;
	}
	for (int w = 0; w < warps; ++w) ready[w] = threads - 32 * w >= 32 ? ~0u : (1u << (threads - 32 * w)) - 1, waiting[w] = 0;
	ready_warps = warps == 32 ? ~0u : (1u << warps) - 1;
	live = threads, at_barrier = 0, stuck = false, current = -1;
	count_gates = 0;
	for (auto &b : barriers) b = {};
	if (__tsan_get_current_fiber) main_tsan = __tsan_get_current_fiber();
	const int first = pick();
	resume(&main_sp, first);
	if (stuck) {
		int barrier = at_barrier, meeting = 0, done = threads - live, shown = -1;
		for (int w = 0; w < warps; ++w) {
			meeting += __builtin_popcount(waiting[w]);
			if (waiting[w] && shown < 0) shown = w;
		}
		int at_gates = 0;
		for (int i = 0; i < count_gates; ++i) at_gates += gates[i].waiters;
		for (auto &b : barriers) at_gates += b.waiters;
		emu_fail("no thread can go on: %d at a barrier of the block, %d at gates, %d waiting for others of their warp (warp %d: lanes %x), %d have returned", barrier, at_gates, meeting, shown, shown < 0 ? 0 : waiting[shown], done);
	}
	for (auto &s : statics) give_back(s.second.at), s.second.at = nullptr;
	give_back(dynamic.at);
	dynamic = {};
}

} // namespace

void emu_fail(const char *format, ...) {
	char text[1024];
	va_list a;
	va_start(a, format);
	vsnprintf(text, sizeof text, format, a);
	va_end(a);
	fflush(stdout);
	fprintf(stderr, "FAIL %s: %s (kernel %s, block %u,%u of %u,%u, thread %d, order %d)\n", emu_case, text, kernel_name ? kernel_name : "none", blockIdx.x, blockIdx.y, gridDim.x, gridDim.y, current, emu.order);
	_exit(1);
}

void emu_poison(void *at, size_t bytes) {
	static unsigned long long own = 88172645463325252ull;
	unsigned char *p = (unsigned char *)at;
	for (size_t i = 0; i < bytes; ++i) {
		switch (emu.poison) {
		case 0: p[i] = i % 2 ? 0x7f : 0xfe; break;
		case 1: p[i] = 0xff; break;
		case 2: p[i] = 0; break;
		default: own ^= own << 13; own ^= own >> 7; own ^= own << 17; p[i] = (unsigned char)(own >> 40);
		}
	}
}

static double products;
static double seconds() {
	timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static std::map<std::string, double[3]> times; // seconds, switches, products of matrices

void emu_times() {
	for (auto &t : times) fprintf(stderr, "%-40s %7.2f s %12.0f switches %9.0f products\n", t.first.c_str(), t.second[0], t.second[1], t.second[2]);
}

void emu_launch(const char *name, emu_dim grid, unsigned count, size_t shared, const std::function<void()> &kernel) {
	const size_t most = 227 << 10, most_static = 48 << 10;
	kernel_name = name;
	double *const spent = times[name];
	spent[0] -= seconds(), spent[1] -= switches, spent[2] -= products;
	if (!count || count > MOST || count % 32 || !grid.x || !grid.y || grid.y > 65535) emu_fail("%u threads in a grid of %u, %u", count, grid.x, grid.y);
	rng = emu.seed * 2654435761u + 88172645463325252ull;
	for (int i = 0; i < 10; ++i) random_of(2);
	threads = count, warps = count / 32;
	gridDim = grid, blockDim = {count, 1, 1}, threadIdx = {0, 0, 0};
	body = &kernel;
	statics.clear();
	static_bytes = 0;
	release(&sync_start);
	const unsigned blocks = grid.x * grid.y;
	std::vector<unsigned> order(blocks);
	for (unsigned i = 0; i < blocks; ++i) order[i] = emu.order == 1 ? blocks - 1 - i : emu.order == 3 ? i % grid.y * grid.x + i / grid.y : i;
	if (emu.order == 2) for (unsigned i = blocks; i > 1; --i) std::swap(order[i - 1], order[random_of(i)]);
	for (unsigned b : order) {
		blockIdx = {b % grid.x, b / grid.x, 0};
		run_block(shared);
		if (static_bytes > most_static) emu_fail("%zu bytes of shared memory are declared, more than %zu", static_bytes, most_static);
		if (static_bytes + shared > most) emu_fail("%zu bytes of shared memory, more than %zu", static_bytes + shared, most);
	}
	acquire(&sync_kernel);
	kernel_name = nullptr, current = -1;
	spent[0] += seconds(), spent[1] += switches, spent[2] += products;
}

void *emu_dynamic() { return dynamic.at; }

void *emu_static(int id, size_t bytes) {
	area &a = statics[id];
	if (!a.at) {
		a = {reserve(bytes, 16), bytes};
		static_bytes += (bytes + 15) / 16 * 16;
	}
	if (a.bytes != bytes) emu_fail("shared memory of two sizes");
	return a.at;
}

size_t __cvta_generic_to_shared(const void *p) {
	if (dynamic.at && (const char *)p >= dynamic.at && (const char *)p <= dynamic.at + dynamic.bytes) return (const char *)p - dynamic.at;
	return (uint32_t)(uintptr_t)p;
}

void *emu_shared_at(unsigned address) {
	if (address < dynamic.bytes) return dynamic.at + address;
	auto in = [&](const area &a) { return a.at && address - (uint32_t)(uintptr_t)a.at < a.bytes; };
	const area *found = in(dynamic) ? &dynamic : nullptr;
	for (auto &s : statics) if (!found && in(s.second)) found = &s.second;
	if (!found) emu_fail("there is no shared memory at an address that a thread uses: %ld beyond what its launch gives it", (long)(int)(address - (uint32_t)(uintptr_t)(dynamic.at + dynamic.bytes)));
	return found->at + (address - (uint32_t)(uintptr_t)found->at);
}

void emu_barrier(int kind, int value, int &result) {
	T[current].barrier = value;
	if (at_barrier > 0 && barrier_kind != kind) emu_fail("threads wait at different barriers: %d and %d", barrier_kind, kind);
	barrier_kind = kind;
	const int mine = generation;
	release(&sync_barrier[mine & 1]);
	++at_barrier;
	check_barrier();
	rest();
	acquire(&sync_barrier[mine & 1]);
	result = barrier_value[mine & 1];
}

void emu_warp(unsigned mask) {
	const int w = current / 32, mine = warp_generation[w] & 1;
	release(&sync_warp[w][mine]);
	if (arrive(SYNCWARP, mask)) {
		++warp_generation[w];
		leave();
	}
	acquire(&sync_warp[w][mine]);
}

uint64_t emu_shuffle(unsigned mask, uint64_t bits, int from) {
	const int w = current / 32, own = current;
	T[own].in = bits, T[own].from = from;
	if (arrive(SHUFFLE, mask)) {
		for (int l = 0; l < 32; ++l)
			if (mask >> l & 1) {
				thread &t = T[32 * w + l];
				if (t.from < 0 || t.from > 31 || !(mask >> t.from & 1)) emu_fail("lane %d asks lane %d, which is not there", l, t.from);
				t.out = T[32 * w + t.from].in;
			}
		leave();
	}
	return T[own].out;
}

uint64_t emu_vote(int kind, unsigned mask, uint64_t value) {
	const int w = current / 32, own = current;
	T[own].in = value;
	if (arrive(VOTE + kind, mask)) {
		uint64_t all = 0;
		bool first = true;
		for (int l = 0; l < 32; ++l) {
			if (!(mask >> l & 1)) continue;
			const uint64_t v = T[32 * w + l].in;
			switch (kind) {
			case 0: all |= (v != 0) << l; break;
			case 2: all = (uint32_t)(all + v); break;
			case 3: all = first || v < all ? v : all; break;
			case 4: all = first || v > all ? v : all; break;
			case 5: all = first ? v : all & v; break;
			case 6: all |= v; break;
			case 7: all ^= v; break;
			case 9: all = first || (int)v < (int)all ? v : all; break;
			case 10: all = first || (int)v > (int)all ? v : all; break;
			}
			first = false;
		}
		for (int l = 0; l < 32; ++l) {
			if (!(mask >> l & 1)) continue;
			thread &t = T[32 * w + l];
			t.out = all;
			if (kind != 1) continue;
			t.out = 0;
			for (int o = 0; o < 32; ++o)
				if (mask >> o & 1 && T[32 * w + o].in == t.in) t.out |= 1u << o;
		}
		leave();
	}
	return T[own].out;
}

// A warp's lane 4g+q has of A (16×16, row by row) the halves of rows g and g+8 and columns 2q, 2q+1 and those 8 on: registers (g, 2q), (g+8, 2q),
// (g, 2q+8), (g+8, 2q+8); of B (16×8) rows 2q, 2q+1 and 8 on of column g; of the sums (16×8) columns 2q and 2q+1 of rows g and g+8.
typedef double eight __attribute__((vector_size(64)));
typedef int64_t eight_bits __attribute__((vector_size(64)));
typedef int eight_ints __attribute__((vector_size(32)));
static float of_half[65536];

static void multiply(int w) {
	++products;
	if (of_half[0x3c00] != 1)
		for (int i = 0; i < 65536; ++i) {
			const unsigned short b = (unsigned short)i;
			_Float16 h;
			__builtin_memcpy(&h, &b, 2);
			of_half[i] = (float)h;
		}
	double A[16][16];
	alignas(64) double B[16][8], C[16][8];
	unsigned odd = 0; // whether there is an infinity or no number
	auto check = [&](unsigned v) { odd |= ((v & 0x7c00) == 0x7c00) | ((v >> 16 & 0x7c00) == 0x7c00); };
	for (int l = 0; l < 32; ++l) {
		const thread &t = T[32 * w + l];
		const int g = l / 4, q = l % 4;
		for (int i = 0; i < 4; ++i) check(t.a[i]), odd |= !(__builtin_fabsf(t.sum[i]) <= 3.4028235e38f);
		check(t.b[0]), check(t.b[1]);
		for (int i = 0; i < 2; ++i) {
			auto number = [&](unsigned v) { return (double)of_half[v >> 16 * i & 0xffff]; };
			A[g][2 * q + i] = number(t.a[0]), A[g + 8][2 * q + i] = number(t.a[1]);
			A[g][2 * q + 8 + i] = number(t.a[2]), A[g + 8][2 * q + 8 + i] = number(t.a[3]);
			B[2 * q + i][g] = number(t.b[0]), B[2 * q + 8 + i][g] = number(t.b[1]);
			C[g][2 * q + i] = t.sum[i], C[g + 8][2 * q + i] = t.sum[2 + i];
		}
	}
	for (int r = 0; r < 16; ++r) {
		eight p[17], &c = *(eight *)C[r];
		p[16] = c;
		for (int k = 0; k < 16; ++k) p[k] = A[r][k] * *(eight *)B[k];
		if (odd || emu.cut < 0) {
			eight sum = {};
			for (int k = 0; k < 17; ++k) sum += p[k];
			c = sum;
			continue;
		}
		// What is added is cut off at so many bits under the largest, and so is the sum.
		eight_bits largest = {};
		for (int k = 0; k < 17; ++k) {
			const eight_bits v = (eight_bits)p[k] & INT64_MAX;
			largest = v > largest ? v : largest;
		}
		const eight_bits e = largest >> 52, none = largest == 0;
		const eight up = (eight)(((2046 - e + 23 + emu.cut) << 52) & ~none), down = (eight)(((e - 23 - emu.cut) << 52) & ~none);
		eight_ints sum = {};
		for (int k = 0; k < 17; ++k) sum += __builtin_convertvector(p[k] * up, eight_ints);
		c = __builtin_convertvector(sum, eight) * down;
		c = (eight)((eight_bits)c & ~((1ll << 29) - 1));
	}
	for (int l = 0; l < 32; ++l) {
		const thread &t = T[32 * w + l];
		const int g = l / 4, q = l % 4;
		for (int i = 0; i < 2; ++i) t.sum[i] = (float)C[g][2 * q + i], t.sum[2 + i] = (float)C[g + 8][2 * q + i];
	}
}

void emu_mma_of(float *sum, const unsigned *a, unsigned b0, unsigned b1) {
	thread &t = T[current];
	t.sum = sum, t.a = a, t.b[0] = b0, t.b[1] = b1;
	if (arrive(MMA, ~0u)) {
		multiply(current / 32);
		leave();
	}
}

void emu_fence() { T[current].fenced = true; }

void emu_atomic(void *at) {
	if (!__tsan_acquire) return;
	if (T[current].fenced) __tsan_release(at);
	__tsan_acquire(at);
}

bool emu_late() { return emu.fetch != 1 && (emu.fetch != 2 || random_of(2)); }

bool emu_fetch_late(const emu_copy &c) {
	if (!emu_late()) return false;
	T[current].copies.push_back({c, T[current].groups});
	return true;
}

bool emu_product_late(const emu_group_product &p) {
	if (emu.fetch == 1) return false; // the same for all lanes of a warp, which make them together
	T[current].products.push_back({p, T[current].product_groups});
	return true;
}

bool emu_product_next(int latest, emu_group_product &p) {
	thread &t = T[current];
	if (t.next_product == t.products.size()) {
		t.products.clear(), t.next_product = 0;
		return false;
	}
	if (t.products[t.next_product].group >= t.product_groups - latest) return false;
	p = t.products[t.next_product++].product;
	return true;
}

bool emu_store_late(const emu_stored &c) {
	thread &t = T[current];
	if (!emu_late()) return false;
	if (t.stored_count == 8) emu_fail("more copies from shared memory than there is room for here");
	t.stored[t.stored_count++] = c;
	return true;
}

bool emu_store_next(emu_stored &c) {
	thread &t = T[current];
	if (t.stored_count == 0) return false;
	c = t.stored[--t.stored_count];
	return true;
}

void emu_wgmma_commit() { ++T[current].product_groups; }

void emu_gate_init(unsigned address, int arrivals) {
	if (address % 8 || arrivals < 1) emu_fail("a gate at %u, of %d arrivals", address, arrivals);
	emu_shared_at(address);
	if (count_gates == MOST_GATES) emu_fail("more than %d gates", MOST_GATES);
	gate &g = gates[count_gates++];
	g = {};
	g.at = address, g.arrivals = g.missing = arrivals;
}

void emu_gate_arrive(unsigned address) { come(gate_at(address)); }

void emu_gate_expect(unsigned address, int bytes) {
	gate &g = gate_at(address);
	g.bytes += bytes;
	come(g);
}

void emu_whole_later(unsigned address, const emu_whole &c) {
	gate &g = gate_at(address);
	if (g.copied == MOST_COPIES) emu_fail("more copies than a gate has room for here");
	g.copies[g.copied++] = c;
	release(&g.sync[g.opened & 1]);
	wake(g);
}

void emu_whole_done(unsigned address, int bytes) {
	gate &g = gate_at(address);
	g.bytes -= bytes;
	if (g.bytes < 0 && g.missing == 0) emu_fail("more bytes came than a gate waits for");
	try_open(g);
}

bool emu_whole_next(unsigned address, emu_whole &c) {
	gate &g = gate_at(address);
	if (g.copied == 0) return false;
	acquire(&g.sync[g.opened & 1]);
	c = g.copies[--g.copied];
	return true;
}

bool emu_gate_pass(unsigned address, int turn) {
	if (turn & ~1) emu_fail("a gate's turn is %d", turn);
	gate &g = gate_at(address);
	if ((g.opened & 1) != turn) { // it opened for this turn
		if (g.opened > 0) acquire(&g.sync[(g.opened - 1) & 1]);
		return true;
	}
	await(g);
	return false;
}

void emu_meet(int barrier, int count) {
	if (barrier < 1 || barrier > 15) emu_fail("there is no barrier %d for some warps", barrier);
	gate &g = barriers[barrier];
	if (g.arrivals == 0) g.arrivals = g.missing = count;
	if (g.arrivals != count) emu_fail("barrier %d is of %d threads, and of %d", barrier, g.arrivals, count);
	const int often = g.opened + 1;
	come(g);
	stay(g, often);
}

void emu_fetch_commit() { ++T[current].groups; }

bool emu_fetch_next(int latest, emu_copy &c) {
	thread &t = T[current];
	if (t.first_copy == t.copies.size() || t.copies[t.first_copy].group >= t.groups - latest) return false;
	c = t.copies[t.first_copy++].copy;
	if (t.first_copy == t.copies.size()) t.copies.clear(), t.first_copy = 0;
	return true;
}
