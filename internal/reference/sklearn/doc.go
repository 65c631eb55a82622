// Package sklearn holds fits by scikit-learn's GaussianMixture that every device's must equal: the events, the starts, and
// the parameters and log-likelihoods after some iterations. testdata/make.py made them.
package sklearn
