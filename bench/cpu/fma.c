// Measures what the vector units of a processor do at most: multiply-adds of numbers that stay in registers.
//
//   cc -O2 -march=native -ffp-contract=fast -pthread fma.c -o fma && ./fma THREADS
//
// It prints the floating-point operations per second of all threads together, in float32 and in float64, as one JSON object: a
// multiply-add counts as two, and the best of ROUNDS is what counts.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
enum { BYTES = 64 };
#elif defined(__AVX__)
enum { BYTES = 32 };
#else
enum { BYTES = 16 };
#endif

enum {
	SUMS = 12, // that do not wait for each other: more than a unit's latency times the units there are, and fewer than registers
	STEPS = 50000000,
	ROUNDS = 7,
	MOST_THREADS = 1024,
};

static pthread_barrier_t ready;

// LOOP defines a thread's work in a type: SUMS vectors of sums, each times a number under 1 plus another, STEPS times. No
// compiler joins steps, since rounding would be another.
#define LOOP(name, real) \
	static void *name(void *kept) { \
		typedef real vec __attribute__((vector_size(BYTES))); \
		vec sum[SUMS], shrink = (vec){0} + (real)0.999, add = (vec){0} + (real)0.001; \
		for (int i = 0; i < SUMS; ++i) sum[i] = (vec){0} + (real)(i + 1) / SUMS; \
		pthread_barrier_wait(&ready); \
		for (long step = 0; step < STEPS; ++step) \
			_Pragma("GCC unroll 16") for (int i = 0; i < SUMS; ++i) sum[i] = sum[i] * shrink + add; \
		for (int i = 1; i < SUMS; ++i) sum[0] += sum[i]; \
		*(double *)kept = (double)sum[0][0]; \
		pthread_barrier_wait(&ready); \
		return NULL; \
	}

LOOP(float32, float)
LOOP(float64, double)

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// rate returns the operations per second of so many threads, each on lanes numbers a vector.
static double rate(void *(*loop)(void *), int threads, double lanes) {
	static double kept[MOST_THREADS];
	double best = 0;
	for (int round = 0; round < ROUNDS; ++round) {
		pthread_t thread[MOST_THREADS];
		pthread_barrier_init(&ready, NULL, (unsigned)threads + 1);
		for (int i = 0; i < threads; ++i)
			if (pthread_create(&thread[i], NULL, loop, &kept[i])) exit(1);
		pthread_barrier_wait(&ready);
		const double began = now();
		pthread_barrier_wait(&ready);
		const double took = now() - began;
		for (int i = 0; i < threads; ++i) pthread_join(thread[i], NULL);
		pthread_barrier_destroy(&ready);
		const double operations = 2.0 * SUMS * STEPS * lanes * threads / took;
		if (operations > best) best = operations;
	}
	return best;
}

int main(int count, char **arguments) {
	const int threads = count == 2 ? atoi(arguments[1]) : 0;
	if (threads < 1 || threads > MOST_THREADS) {
		fprintf(stderr, "usage: fma THREADS, from 1 to %d\n", MOST_THREADS);
		return 2;
	}
	const double single = rate(float32, threads, BYTES / sizeof(float)), twice = rate(float64, threads, BYTES / sizeof(double));
	printf("{\"vector_bytes\": %d, \"float32\": %.4g, \"float64\": %.4g}\n", BYTES, single, twice);
	return 0;
}
