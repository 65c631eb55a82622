// Runs CUDA kernels on the processor: a block's threads are fibers, of which one runs until it waits for others; blocks run one after the
// other. This is what kernel texts see; simt.cc, compiled without sanitizers, is the machine.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <functional>
#include <type_traits>

#define __global__
#define __host__
#define __restrict__
#define __noinline__
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) double2 { double x, y; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
static inline float2 make_float2(float x, float y) { return {x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline double2 make_double2(double x, double y) { return {x, y}; }
static inline int2 make_int2(int x, int y) { return {x, y}; }
static inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

struct emu_dim { unsigned x, y, z; };
extern emu_dim threadIdx, blockIdx, blockDim, gridDim;

// What a machine is asked for: in which order threads run, what memory holds that nothing wrote, when copies to shared memory are there,
// and how tensor cores add.
struct emu_machine {
	int order = 0;        // 0 by warp, 1 the same from the last, 2 any, 3 warps in turn
	int poison = 0;       // 0 NaN of 16, 32 and 64 bits, large as an integer; 1 ones; 2 zeros; 3 anything
	int fetch = 0;        // copies are there 0 as late as may be, 1 at once, 2 either
	int cut = 2;          // bits beyond those of float32 that tensor cores keep of what they add; or -1: all
	unsigned long long seed = 1;
};
extern emu_machine emu;
extern const char *emu_case; // what messages begin with
void emu_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void emu_poison(void *at, size_t bytes);
// emu_launch runs a kernel of that name; static_limit and shared_limit are what it may have of shared memory.
void emu_launch(const char *name, emu_dim grid, unsigned threads, size_t shared, const std::function<void()> &kernel);
void emu_times(); // shows where time went

void *emu_dynamic();
void *emu_static(int id, size_t bytes);

// Rendezvous.
void emu_barrier(int kind, int value, int &result); // 0 none, 1 and, 2 or, 3 count
void emu_warp(unsigned mask);
uint64_t emu_shuffle(unsigned mask, uint64_t bits, int from);
uint64_t emu_vote(int kind, unsigned mask, uint64_t value); // 0 ballot, 1 match any, 2 add, 3 min, 4 max, 5 and, 6 or, 7 xor, 8 match all; signed: 9 min, 10 max
void emu_mma_of(float *sum, const unsigned *a, unsigned b0, unsigned b1);
void emu_fence();
void emu_atomic(void *at); // after an atomic operation: what other threads' fences have told

static inline void __syncthreads() { int r; emu_barrier(0, 0, r); }
static inline int __syncthreads_and(int v) { int r; emu_barrier(1, v, r); return r; }
static inline int __syncthreads_or(int v) { int r; emu_barrier(2, v, r); return r; }
static inline int __syncthreads_count(int v) { int r; emu_barrier(3, v, r); return r; }
static inline void __syncwarp(unsigned mask = 0xffffffffu) { emu_warp(mask); }
static inline void __threadfence() { emu_fence(); }
static inline void __threadfence_block() {}

static inline int emu_lane() { return threadIdx.x % 32; }
template <typename T> static inline T emu_shuffled(unsigned mask, T v, int from) {
	static_assert(sizeof(T) <= 8, "");
	uint64_t bits = 0;
	__builtin_memcpy(&bits, &v, sizeof(T));
	bits = emu_shuffle(mask, bits, from);
	__builtin_memcpy(&v, &bits, sizeof(T));
	return v;
}
template <typename T> static inline T __shfl_sync(unsigned mask, T v, int l, int width = 32) {
	return emu_shuffled(mask, v, (emu_lane() & ~(width - 1)) | (l & (width - 1)));
}
template <typename T> static inline T __shfl_xor_sync(unsigned mask, T v, int x, int width = 32) {
	const int to = emu_lane() ^ x;
	return emu_shuffled(mask, v, (to & ~(width - 1)) > (emu_lane() & ~(width - 1)) ? emu_lane() : to);
}
template <typename T> static inline T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32) {
	return emu_shuffled(mask, v, (emu_lane() & (width - 1)) + (int)by >= width ? emu_lane() : emu_lane() + by);
}
template <typename T> static inline T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32) {
	return emu_shuffled(mask, v, (emu_lane() & (width - 1)) < (int)by ? emu_lane() : emu_lane() - by);
}
static inline unsigned __ballot_sync(unsigned mask, int p) { return (unsigned)emu_vote(0, mask, p != 0); }
static inline int __any_sync(unsigned mask, int p) { return __ballot_sync(mask, p) != 0; }
static inline int __all_sync(unsigned mask, int p) { return __ballot_sync(mask, p) == mask; }
template <typename T> static inline unsigned __match_any_sync(unsigned mask, T v) {
	uint64_t bits = 0;
	__builtin_memcpy(&bits, &v, sizeof(T));
	return (unsigned)emu_vote(1, mask, bits);
}
static inline unsigned __reduce_add_sync(unsigned mask, unsigned v) { return (unsigned)emu_vote(2, mask, v); }
static inline int __reduce_add_sync(unsigned mask, int v) { return (int)emu_vote(2, mask, (unsigned)v); }
static inline unsigned __reduce_min_sync(unsigned mask, unsigned v) { return (unsigned)emu_vote(3, mask, v); }
static inline unsigned __reduce_max_sync(unsigned mask, unsigned v) { return (unsigned)emu_vote(4, mask, v); }
static inline int __reduce_min_sync(unsigned mask, int v) { return (int)emu_vote(9, mask, (unsigned)v); }
static inline int __reduce_max_sync(unsigned mask, int v) { return (int)emu_vote(10, mask, (unsigned)v); }
static inline unsigned __reduce_and_sync(unsigned mask, unsigned v) { return (unsigned)emu_vote(5, mask, v); }
static inline unsigned __reduce_or_sync(unsigned mask, unsigned v) { return (unsigned)emu_vote(6, mask, v); }
static inline unsigned __reduce_xor_sync(unsigned mask, unsigned v) { return (unsigned)emu_vote(7, mask, v); }
static inline unsigned __activemask() { return 0xffffffffu; }

// Arithmetic.
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __ffsll(long long x) { return __builtin_ffsll(x); }
static inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
template <typename To, typename From> static inline To emu_bits(From f) { static_assert(sizeof(To) == sizeof(From), ""); To t; __builtin_memcpy(&t, &f, sizeof t); return t; }
static inline float __int_as_float(int i) { return emu_bits<float>(i); }
static inline int __float_as_int(float f) { return emu_bits<int>(f); }
static inline float __uint_as_float(unsigned i) { return emu_bits<float>(i); }
static inline unsigned __float_as_uint(float f) { return emu_bits<unsigned>(f); }
static inline long long __double_as_longlong(double f) { return emu_bits<long long>(f); }
static inline double __longlong_as_double(long long f) { return emu_bits<double>(f); }
static inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
static inline float __fmul_rn(float a, float b) { volatile float p = a * b; return p; }
static inline float __fadd_rn(float a, float b) { volatile float p = a + b; return p; }
static inline float __fsqrt_rn(float a) { return __builtin_sqrtf(a); }
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __frcp_rn(float a) { return 1 / a; }
static inline double rsqrt(double x) { return 1 / __builtin_sqrt(x); }
static inline float rsqrtf(float x) { return 1 / __builtin_sqrtf(x); }
template <typename A, typename B> static inline std::common_type_t<A, B> min(A a, B b) { using T = std::common_type_t<A, B>; return (T)b < (T)a ? (T)b : (T)a; }
template <typename A, typename B> static inline std::common_type_t<A, B> max(A a, B b) { using T = std::common_type_t<A, B>; return (T)a < (T)b ? (T)b : (T)a; }

// Memory.
template <typename T> static inline T __ldcg(const T *p) { return *p; }
template <typename T> static inline T __ldg(const T *p) { return *p; }
template <typename T> static inline T __ldca(const T *p) { return *p; }
template <typename T> static inline T __ldcs(const T *p) { return *p; }
template <typename T> static inline T __ldcv(const T *p) { return *p; }
template <typename T> static inline void __stcg(T *p, T v) { *p = v; }
template <typename T> static inline void __stcs(T *p, T v) { *p = v; }
template <typename T> static inline void __stwt(T *p, T v) { *p = v; }
#define EMU_ATOMIC(name, type, make) \
	static inline type name(type *p, type v) { \
		type old = __atomic_load_n(p, __ATOMIC_RELAXED), next; \
		do next = make; while (!__atomic_compare_exchange_n(p, &old, next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)); \
		emu_atomic(p); \
		return old; \
	}
#define EMU_ATOMICS(type) \
	static inline type atomicAdd(type *p, type v) { type old = __atomic_fetch_add(p, v, __ATOMIC_RELAXED); emu_atomic(p); return old; } \
	static inline type atomicOr(type *p, type v) { type old = __atomic_fetch_or(p, v, __ATOMIC_RELAXED); emu_atomic(p); return old; } \
	static inline type atomicAnd(type *p, type v) { type old = __atomic_fetch_and(p, v, __ATOMIC_RELAXED); emu_atomic(p); return old; } \
	static inline type atomicExch(type *p, type v) { type old = __atomic_exchange_n(p, v, __ATOMIC_RELAXED); emu_atomic(p); return old; } \
	static inline type atomicCAS(type *p, type expected, type v) { __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED); emu_atomic(p); return expected; } \
	EMU_ATOMIC(atomicMax, type, old < v ? v : old) \
	EMU_ATOMIC(atomicMin, type, v < old ? v : old)
EMU_ATOMICS(int)
EMU_ATOMICS(unsigned)
EMU_ATOMICS(unsigned long long)
static inline float atomicAdd(float *p, float v) {
	unsigned *const bits = (unsigned *)p;
	unsigned old = __atomic_load_n(bits, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(bits, &old, emu_bits<unsigned>(emu_bits<float>(old) + v), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
	emu_atomic(p);
	return emu_bits<float>(old);
}
static inline double atomicAdd(double *p, double v) {
	unsigned long long *const bits = (unsigned long long *)p;
	unsigned long long old = __atomic_load_n(bits, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(bits, &old, emu_bits<unsigned long long>(emu_bits<double>(old) + v), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
	emu_atomic(p);
	return emu_bits<double>(old);
}

// What asm statements do, by their operands: see matrix_prep.py.
static inline void emu_mma(float &s0, float &s1, float &s2, float &s3, unsigned a0, unsigned a1, unsigned a2, unsigned a3, unsigned b0, unsigned b1) {
	const unsigned a[4] = {a0, a1, a2, a3};
	float s[4] = {s0, s1, s2, s3};
	emu_mma_of(s, a, b0, b1);
	s0 = s[0], s1 = s[1], s2 = s[2], s3 = s[3];
}
static inline void emu_mma_first(float &s0, float &s1, float &s2, float &s3, unsigned a0, unsigned a1, unsigned a2, unsigned a3, unsigned b0, unsigned b1, float c) {
	s0 = s1 = s2 = s3 = c;
	emu_mma(s0, s1, s2, s3, a0, a1, a2, a3, b0, b1);
}
static inline unsigned short emu_half(float v) { return emu_bits<unsigned short>((_Float16)v); }
static inline unsigned short emu_half(double v) { return emu_bits<unsigned short>((_Float16)v); }
static inline float emu_widened(unsigned half) { return (float)emu_bits<_Float16>((unsigned short)half); }
static inline void emu_pack(unsigned &halves, float second, float first) { halves = emu_half(first) | (unsigned)emu_half(second) << 16; }
static inline void emu_unpack(float &first, float &second, unsigned halves) { first = emu_widened(halves & 0xffff), second = emu_widened(halves >> 16); }
static inline void emu_half_of(unsigned short &half, float &widened, double value) { half = emu_half(value), widened = emu_widened(half); }
// a·b + c of halves, rounded once: in double it is off only where that does not matter.
static inline unsigned emu_fma_half(unsigned a, unsigned b, unsigned c) { return emu_half((double)emu_widened(a) * (double)emu_widened(b) + (double)emu_widened(c)); }
template <typename F> static inline unsigned emu_both(F f) { return f(0) | f(16) << 16; }
static inline void emu_more_halves(unsigned &r, unsigned a, unsigned b) { r = emu_both([&](int i) -> unsigned { return emu_widened(a >> i & 0xffff) > emu_widened(b >> i & 0xffff) ? 0xffff : 0; }); }
static inline void emu_mul_halves(unsigned &r, unsigned a, unsigned b) { r = emu_both([&](int i) -> unsigned { return emu_half(emu_widened(a >> i & 0xffff) * emu_widened(b >> i & 0xffff)); }); }
static inline void emu_add_halves(unsigned &r, unsigned a, unsigned b) { r = emu_both([&](int i) -> unsigned { return emu_half((double)emu_widened(a >> i & 0xffff) + emu_widened(b >> i & 0xffff)); }); }
static inline void emu_sub_halves(unsigned &r, unsigned a, unsigned b) { emu_add_halves(r, a, b ^ 0x80008000u); }
static inline void emu_fma_halves(unsigned &r, unsigned a, unsigned b, unsigned c) { r = emu_both([&](int i) { return emu_fma_half(a >> i & 0xffff, b >> i & 0xffff, c >> i & 0xffff); }); }
static inline void emu_product(unsigned &high, unsigned &low, unsigned a_high, unsigned a_low, unsigned b_high, unsigned b_low) {
	unsigned t;
	emu_mul_halves(high, a_high, b_high);
	t = high ^ 0x80008000u;
	emu_fma_halves(t, a_high, b_high, t);
	emu_fma_halves(t, a_high, b_low, t);
	emu_fma_halves(low, a_low, b_high, t);
}
static inline float emu_flushed(float x) { return __builtin_fabsf(x) < 0x1p-126f ? 0 * x : x; }
static inline void emu_exp2(float &y, float x) { y = emu_flushed((float)exp2((double)emu_flushed(x))); }
static inline void emu_log2(float &y, float x) { y = emu_flushed((float)log2((double)emu_flushed(x))); }
static inline void emu_root(float &y, float x) { y = __builtin_sqrtf(x); }
static inline void emu_root_under(float &y, float x) { y = (float)(1 / __builtin_sqrt((double)x)); }
static inline void emu_exp2_halves(unsigned &r, unsigned a) { r = emu_both([&](int i) -> unsigned { return emu_half(exp2((double)emu_widened(a >> i & 0xffff))); }); }

// Addresses of shared memory in 32 bits.
size_t __cvta_generic_to_shared(const void *p); // of dynamic memory from 0 on, as matrices of warpgroups want it
void *emu_shared_at(unsigned address);

// Eight rows of eight halves each, of addresses that lanes 8i … 8i+7 have: lane l gets of matrix i halves 2(l%4) and one more of row l/4.
static inline void emu_ldmatrix(unsigned *r, int matrices, bool transposed, unsigned address) {
	if (emu_lane() < 8 * matrices && address % 16) emu_fail("ldmatrix: the address %u is not aligned", address);
	uint4 row = {};
	if (emu_lane() < 8 * matrices) row = *(const uint4 *)emu_shared_at(address);
	for (int i = 0; i < matrices; ++i) {
		unsigned own[4] = {};
		if (!transposed) {
			const unsigned w[4] = {row.x, row.y, row.z, row.w};
			for (int k = 0; k < 4; ++k) own[k] = emu_shuffled(0xffffffffu, w[k], 8 * i + emu_lane() / 4);
			r[i] = own[emu_lane() % 4];
		} else {
			r[i] = 0;
			const unsigned w[4] = {row.x, row.y, row.z, row.w};
			for (int k = 0; k < 4; ++k)
				for (int j = 0; j < 2; ++j) {
					const unsigned v = emu_shuffled(0xffffffffu, w[k], 8 * i + 2 * (emu_lane() % 4) + j);
					if (k == emu_lane() / 8) r[i] |= (v >> 16 * (emu_lane() / 4 % 2) & 0xffff) << 16 * j;
				}
		}
	}
}
static inline void emu_ldmatrix4(unsigned &a, unsigned &b, unsigned &c, unsigned &d, unsigned at) { unsigned r[4]; emu_ldmatrix(r, 4, false, at); a = r[0], b = r[1], c = r[2], d = r[3]; }
static inline void emu_ldmatrix2(unsigned &a, unsigned &b, unsigned at) { unsigned r[2]; emu_ldmatrix(r, 2, false, at); a = r[0], b = r[1]; }
static inline void emu_ldmatrix4_trans(unsigned &a, unsigned &b, unsigned &c, unsigned &d, unsigned at) { unsigned r[4]; emu_ldmatrix(r, 4, true, at); a = r[0], b = r[1], c = r[2], d = r[3]; }
static inline void emu_ldmatrix2_trans(unsigned &a, unsigned &b, unsigned at) { unsigned r[2]; emu_ldmatrix(r, 2, true, at); a = r[0], b = r[1]; }

// Copies to shared memory, of 16 bytes, of which some come from memory and the rest are 0.
struct emu_copy { void *to; const void *from; int bytes; };
bool emu_late(); // whether a copy is to be made later
bool emu_fetch_late(const emu_copy &); // notes one that is to be made later
bool emu_fetch_next(int latest, emu_copy &);
void emu_fetch_commit();
static inline void emu_copy_now(const emu_copy &c) {
	unsigned char bytes[16] = {};
	for (int i = 0; i < c.bytes; i += 4) __builtin_memcpy(bytes + i, (const unsigned *)c.from + i / 4, 4);
	__builtin_memcpy(__builtin_assume_aligned(c.to, 16), bytes, 16);
}
static inline void emu_fetch(unsigned address, const void *from, int bytes = 16) {
	void *const to = emu_shared_at(address);
	if ((uintptr_t)to % 16 || (uintptr_t)from % 16) emu_fail("a copy to shared memory of 16 bytes, from %p to %p, is not aligned", from, to);
	if (bytes < 0 || bytes > 16 || bytes % 4) emu_fail("a copy to shared memory of %d bytes", bytes);
	const emu_copy c = {to, from, bytes};
	emu_copy_now(c);
	if (!emu_fetch_late(c)) return;
	const uint4 nothing = {0x7ffe7ffe, 0x7ffe7ffe, 0x7ffe7ffe, 0x7ffe7ffe};
	*(uint4 *)to = nothing;
}
static inline void emu_fetch_wait(int latest) {
	emu_copy c;
	while (emu_fetch_next(latest, c)) emu_copy_now(c);
}
static inline void emu_fetch_wait_all() { emu_fetch_wait(0); }

// Gates (mbarriers), of which memory holds nothing, and barriers of some warps.
void emu_gate_init(unsigned address, int arrivals);
void emu_gate_arrive(unsigned address);
bool emu_gate_pass(unsigned address, int turn); // or wait, and say that it waited
void emu_meet(int barrier, int count);
void emu_gate_expect(unsigned address, int bytes);
// Copies that a gate waits for: they are there when its other arrivals are and someone waits, or at once.
struct emu_whole { void *to; const void *from; int bytes; };
void emu_whole_later(unsigned gate, const emu_whole &);
void emu_whole_done(unsigned gate, int bytes);
bool emu_whole_next(unsigned gate, emu_whole &);
static inline void emu_copy_whole(const emu_whole &c) {
	for (int i = 0; i < c.bytes / 16; ++i) ((uint4 *)c.to)[i] = ((const uint4 *)c.from)[i];
}
static inline void emu_fetch_whole(unsigned address, const void *from, int bytes, unsigned gate) {
	void *const to = emu_shared_at(address);
	if ((uintptr_t)to % 16 || (uintptr_t)from % 16 || bytes <= 0 || bytes % 16) emu_fail("a copy of %d bytes from %p to %p", bytes, from, to);
	const emu_whole c = {to, from, bytes};
	if (!emu_late()) {
		emu_copy_whole(c);
		return emu_whole_done(gate, bytes);
	}
	const uint4 nothing = {0x7ffe7ffe, 0x7ffe7ffe, 0x7ffe7ffe, 0x7ffe7ffe};
	for (int i = 0; i < bytes / 16; ++i) ((uint4 *)to)[i] = nothing;
	emu_whole_later(gate, c);
}
static inline void emu_gate_wait(unsigned address, int turn) {
	do {
		emu_whole c;
		while (emu_whole_next(address, c)) {
			emu_copy_whole(c);
			emu_whole_done(address, c.bytes);
		}
	} while (!emu_gate_pass(address, turn));
}

// Products of warpgroups: each warp's are its own rows', and a matrix in shared memory is without a swizzle. They are made when they are waited for,
// from what shared memory holds then, or at once; until then sums are not what they will be.
struct emu_group_product { float *sum; int columns; unsigned a[4]; unsigned long long b; bool add; };
bool emu_product_late(const emu_group_product &); // notes one that is to be made later
bool emu_product_next(int latest, emu_group_product &);
void emu_wgmma_commit();
static inline void emu_make_product(const emu_group_product &p) {
	const unsigned at = (unsigned)(p.b & 0x3fff) << 4, beyond = (unsigned)(p.b >> 16 & 0x3fff) << 4, further = (unsigned)(p.b >> 32 & 0x3fff) << 4;
	if (p.b >> 46) emu_fail("a matrix of a warpgroup has a swizzle, or an offset");
	for (int j = 0; j < p.columns / 8; ++j) {
		const unsigned own = at + j * further + emu_lane() / 4 * 16 + emu_lane() % 4 * 4;
		float *const sum = p.sum + 4 * j;
		if (!p.add) sum[0] = sum[1] = sum[2] = sum[3] = 0;
		emu_mma_of(sum, p.a, *(const unsigned *)emu_shared_at(own), *(const unsigned *)emu_shared_at(own + beyond));
	}
}
template <int columns> static inline void emu_wgmma(float *sum, unsigned a0, unsigned a1, unsigned a2, unsigned a3, unsigned b, int add) {
	const emu_group_product p = {sum, columns, {a0, a1, a2, a3}, 8ull << 32 | b, add != 0};
	if (!emu_product_late(p)) emu_make_product(p);
}
static inline void emu_wgmma_wait(int latest) {
	emu_group_product p;
	while (emu_product_next(latest, p)) emu_make_product(p);
}
static inline void emu_nothing() {}

// The transpose of 8×8 halves, of which each lane has two of a row.
static inline unsigned emu_transposed(unsigned a) {
	const int row = 2 * (emu_lane() % 4), column = emu_lane() / 4;
	unsigned halves[2];
	for (int i = 0; i < 2; ++i) halves[i] = emu_shuffled(0xffffffffu, a, 4 * (row + i) + column / 2) >> 16 * (column % 2) & 0xffff;
	return halves[0] | halves[1] << 16;
}
static inline void emu_stmatrix4_trans(unsigned address, unsigned a, unsigned b, unsigned c, unsigned d) {
	const unsigned all[4] = {a, b, c, d};
	if (address % 16) emu_fail("stmatrix: the address %u is not aligned", address);
	for (int i = 0; i < 4; ++i) {
		const unsigned to = emu_shuffled(0xffffffffu, address, 8 * i + emu_lane() / 4), halves = emu_transposed(all[i]);
		*(unsigned *)emu_shared_at(to + 4 * (emu_lane() % 4)) = halves;
	}
}
// Copies from shared memory, which are made when they are waited for, or at once.
struct emu_stored { void *to; unsigned from; int bytes; };
bool emu_store_late(const emu_stored &);
bool emu_store_next(emu_stored &);
static inline void emu_copy_stored(const emu_stored &s) {
	const uint4 *const from = (const uint4 *)emu_shared_at(s.from);
	for (int i = 0; i < s.bytes / 16; ++i) ((uint4 *)s.to)[i] = from[i];
}
static inline void emu_store_whole(void *to, unsigned from, int bytes) {
	if ((uintptr_t)to % 16 || from % 16 || bytes <= 0 || bytes % 16) emu_fail("a copy of %d bytes from shared memory at %u to %p", bytes, from, to);
	const emu_stored s = {to, from, bytes};
	if (!emu_store_late(s)) emu_copy_stored(s);
}
static inline void emu_store_wait() {
	emu_stored s;
	while (emu_store_next(s)) emu_copy_stored(s);
}
