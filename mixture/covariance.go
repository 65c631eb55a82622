package mixture

import "fmt"

// Covariance says which entries of the covariance matrices are free, in scikit-learn's words.
type Covariance string

// The four covariance types.
const (
	// Full gives each component its own symmetric D×D matrix.
	Full Covariance = "full"
	// Diag gives each component its own diagonal matrix.
	Diag Covariance = "diag"
	// Tied shares one symmetric D×D matrix among all components.
	Tied Covariance = "tied"
	// Spherical gives each component one variance for all dimensions.
	Spherical Covariance = "spherical"
)

// Covariances lists the covariance types.
func Covariances() []Covariance { return []Covariance{Full, Diag, Tied, Spherical} }

// ParseCovariance returns the covariance type that s names.
func ParseCovariance(s string) (Covariance, error) {
	for _, c := range Covariances() {
		if s == string(c) {
			return c, nil
		}
	}
	return "", fmt.Errorf("mixture: unknown covariance type %q: want full, diag, tied or spherical", s)
}

// Len returns how many numbers the covariances of M components in D dimensions take in [Parameters]:
// full M·D·D, diag M·D, tied D·D, spherical M.
func (c Covariance) Len(components, dimensions int) int {
	switch c {
	case Full:
		return components * dimensions * dimensions
	case Tied:
		return dimensions * dimensions
	case Diag:
		return components * dimensions
	case Spherical:
		return components
	}
	return 0
}

// SecondLen returns how many numbers the second moments of M components in D dimensions take in [Statistics]:
// full M·D(D+1)/2, tied D(D+1)/2, diag M·D, spherical M.
func (c Covariance) SecondLen(components, dimensions int) int {
	triangle := dimensions * (dimensions + 1) / 2
	switch c {
	case Full:
		return components * triangle
	case Tied:
		return triangle
	case Diag, Spherical:
		return c.Len(components, dimensions)
	}
	return 0
}

// Correlated reports whether the covariance type has off-diagonal entries.
func (c Covariance) Correlated() bool { return c == Full || c == Tied }
