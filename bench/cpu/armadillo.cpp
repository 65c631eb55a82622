// Fits a mixture by Armadillo's gmm_full or gmm_diag from a given start, as bench/cpu/peers.py asks for it.
//
//   g++ -O3 -march=native -fopenmp -DARMA_DONT_USE_WRAPPER armadillo.cpp -lopenblas -o armadillo
//   armadillo N M D full|diag ITERATIONS FLOOR START EVENTS MODEL
//
// START and MODEL are the weights (M), means (M×D) and covariances (M×D×D, or M×D), EVENTS is N×D, all float64 by row. No variance
// is under FLOOR. It prints the seconds of the iterations and what BLAS there is, as one JSON object.
#include <armadillo>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

extern "C" char *openblas_get_config(void);
extern "C" char *openblas_get_corename(void);

// read fills an array from a file, from where it stands.
template <typename Array> static void read(std::ifstream &file, Array &to) {
	file.read(reinterpret_cast<char *>(to.memptr()), static_cast<std::streamsize>(to.n_elem * sizeof(double)));
	if (!file) throw std::runtime_error("a file is too short");
}

template <typename Array> static void write(std::ofstream &file, const Array &from) {
	file.write(reinterpret_cast<const char *>(from.memptr()), static_cast<std::streamsize>(from.n_elem * sizeof(double)));
}

// said counts how often a text has a word.
static int said(const std::string &text, const std::string &word) {
	int times = 0;
	for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++times;
	return times;
}

// fit runs the iterations on a model with a start, and returns their seconds. Learning ends early where the likelihood does not change:
// then it is asked for the rest.
template <typename Model> static double fit(Model &model, const arma::mat &events, int iterations, double floor) {
	const auto began = std::chrono::steady_clock::now();
	while (iterations > 0) {
		std::ostringstream log;
		arma::set_cout_stream(log);
		const auto most = static_cast<arma::uword>(iterations);
		if (!model.learn(events, model.n_gaus(), arma::eucl_dist, arma::keep_existing, 0, most, floor, true))
			throw std::runtime_error("Armadillo did not learn");
		const int done = said(log.str(), "iteration:");
		if (done == 0) throw std::runtime_error("Armadillo does not say how many iterations it did");
		iterations -= done;
	}
	return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

int main(int count, char **arguments) try {
	if (count != 10) throw std::runtime_error("usage: armadillo N M D full|diag ITERATIONS FLOOR START EVENTS MODEL");
	const arma::uword n = std::stoul(arguments[1]), m = std::stoul(arguments[2]), d = std::stoul(arguments[3]);
	const int iterations = std::stoi(arguments[5]);
	const bool full = std::string(arguments[4]) == "full";
	const double floor = std::stod(arguments[6]);

	arma::rowvec weights(m);
	arma::mat means(d, m), variances(d, m), events(d, n); // what is by row in a file is by column here
	arma::cube covariances(d, d, m);
	std::ifstream start(arguments[7], std::ios::binary), data(arguments[8], std::ios::binary);
	read(start, weights);
	read(start, means);
	if (full) read(start, covariances); else read(start, variances);
	read(data, events);

	std::ofstream model(arguments[9], std::ios::binary);
	double seconds = 0;
	if (full) {
		arma::gmm_full fitted;
		fitted.set_params(means, covariances, weights);
		seconds = fit(fitted, events, iterations, floor);
		write(model, fitted.hefts), write(model, fitted.means), write(model, fitted.fcovs);
	} else {
		arma::gmm_diag fitted;
		fitted.set_params(means, variances, weights);
		seconds = fit(fitted, events, iterations, floor);
		write(model, fitted.hefts), write(model, fitted.means), write(model, fitted.dcovs);
	}
	if (!model.flush()) throw std::runtime_error("the model was not written");
	std::printf("{\"seconds\": %.9f, \"version\": \"%s\", \"blas\": \"%s\", \"kernels\": \"%s\"}\n", seconds,
		arma::arma_version::as_string().c_str(), openblas_get_config(), openblas_get_corename());
	return EXIT_SUCCESS;
} catch (const std::exception &error) {
	std::fprintf(stderr, "armadillo: %s\n", error.what());
	return EXIT_FAILURE;
}
