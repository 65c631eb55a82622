// Package gmmspec fits and scores Gaussian mixture models with code generated for the job in hand.
//
// For M components, D dimensions, N events, a covariance type and a device it picks a kernel variant, renders it with every
// size a compile-time constant, compiles it at run time (CUDA through NVRTC, C through the system's compiler), caches the
// result on disk, and runs. None of that shows:
//
//	model, err := gmmspec.New(64, 19)
//	result, err := model.Train(ctx, events)
//	logLikelihoods, err := model.Score(ctx, events)
//
// unless asked for: [Explain] says what is chosen and why, [Render] shows the source, [Compile] warms the cache, and
// [Diagnose] says what was found on this machine. Without a compiler, or where compiling would not pay, plain Go does the
// work.
//
// It carries on the Asp SEJITS GMM specializer (Cook, Gonina, Kamil et al., UC Berkeley, 2011).
package gmmspec
