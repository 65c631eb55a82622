package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// agreement is how far two fits of the same events from the same start are apart.
type agreement struct {
	Devices    [2]string `json:"devices"`
	Events     int       `json:"events"`
	Iterations int       `json:"iterations"`
	// Worst is the largest difference of the mean log-likelihood per event, over the start and every iteration.
	Worst  float64 `json:"worst_log_likelihood_per_event"`
	Within float64 `json:"within"`
}

// agree compares two fits, and fails where they differ by more than is allowed.
func agree(args []string, stdout io.Writer) error {
	flags := newFlags("agree")
	n := flags.Int("n", 0, "number of events")
	within := flags.Float64("within", 0, "largest difference of the mean log-likelihood per event")
	if err := flags.Parse(args); err != nil {
		return errors.Join(errUsage, err)
	}
	const two = 2
	if flags.NArg() != two || *n < 1 || !(*within > 0) {
		return fmt.Errorf("%w: agree needs -n, -within and two files", errUsage)
	}
	a, err := readFit(flags.Arg(0))
	if err != nil {
		return err
	}
	b, err := readFit(flags.Arg(1))
	if err != nil {
		return err
	}
	result, err := compare(a, b, *n, *within)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(stdout).Encode(result); err != nil {
		return err
	}
	if result.Worst > result.Within {
		return fmt.Errorf("%s and %s differ by %.2g per event: want at most %.2g", a.Device, b.Device, result.Worst, result.Within)
	}
	return nil
}

// compare measures two fits of n events.
func compare(a, b *fit, n int, within float64) (*agreement, error) {
	if a.Device == b.Device {
		return nil, fmt.Errorf("both fits ran on %s", a.Device)
	}
	if a.Iterations != b.Iterations {
		return nil, fmt.Errorf("%d iterations on %s, %d on %s", a.Iterations, a.Device, b.Iterations, b.Device)
	}
	result := &agreement{Devices: [...]string{a.Device, b.Device}, Events: n, Iterations: a.Iterations, Within: within}
	for i := range a.History {
		difference := math.Abs(a.History[i]-b.History[i]) / float64(n)
		if math.IsNaN(difference) || math.IsInf(difference, 0) {
			return nil, fmt.Errorf("iteration %d: log-likelihoods %v and %v", i, a.History[i], b.History[i])
		}
		result.Worst = max(result.Worst, difference)
	}
	return result, nil
}
