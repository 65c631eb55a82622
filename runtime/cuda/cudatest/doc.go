// Package cudatest is what every driver behind package cuda must do, a real one
// and cudafake's imitation alike: a test suite to run on either.
//
//	func TestConformance(t *testing.T) {
//		cudatest.Run(t, driver)
//	}
//
// Its kernels are PTX text, which a real driver compiles, and Go functions of the
// same names for the imitation: see [Image] and [Kernels].
package cudatest
