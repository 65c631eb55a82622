// What kernels are measured against, in float64 and one step after the other.
#pragma once
#include <cstdint>
#include <vector>

struct ref_model {
	int m = 0, d = 0;
	bool full = false;
	std::vector<double> weights, means, covariances; // in the frame; covariances by packed lower triangle, or the diagonal
	int triangle() const { return full ? d * (d + 1) / 2 : d; }
	int cells() const { return 1 + d + triangle(); }
};

struct ref_records { std::vector<float> means, factors; std::vector<double> constants; };

// ref_world is events in the frame, by dimension, and a model to begin with.
struct ref_world {
	int n = 0, pitch = 0;
	std::vector<float> events, weights;
	double gain = 0, weight = 0, log_scale = 0;
	std::vector<double> variance;
	ref_model start;
};

// ref_places is where the kernels see events: in so many places, of which some are none's.
struct ref_places {
	int places = 0;
	std::vector<int> bucket; // or -1
	std::vector<double> x, u, w; // about the frame's centre, about the bucket's
};

struct ref_sums {
	std::vector<double> sums, squares, taking[2], noise[2], loads;
	double total = 0;
	std::vector<int> labels;
};

ref_world ref_make(int n, int m, int d, bool full, bool weighted, double apart, bool empty, unsigned long long seed);
ref_records ref_pack(const ref_model &, double log_scale);
ref_sums ref_pass(const ref_places &, const ref_model &, const ref_records &, int chunk, int sample, double rounded);
// ref_loads are from centres and widths of each component's own events.
std::vector<double> ref_loads(const ref_model &, const ref_records &, const std::vector<float> &centres, const std::vector<float> &widths);
ref_model ref_update(const ref_model &, const ref_records &, const std::vector<double> &sums, const std::vector<double> &ridge);
