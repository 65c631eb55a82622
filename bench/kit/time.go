package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// cacheVariable names the directory of compiled kernels to gmmspec.
const cacheVariable = "GMMSPEC_CACHE"

// timing is how long a command took, in medians of its runs.
type timing struct {
	Device   string   `json:"device"`
	Cold     bool     `json:"cold"` // nothing was compiled before
	Variants []string `json:"variants"`
	// Process is every run's whole process; the median is of these.
	Process []float64 `json:"process_seconds"`
	Median  float64   `json:"median_process_seconds"`
	Compile float64   `json:"median_compile_seconds"`
	// Iteration is a run's training, uploads included, over its iterations.
	Iteration float64 `json:"median_milliseconds_per_iteration"`
}

// timeCommand runs a command that reports a fit, several times: each time with an empty cache, or with one that an earlier
// run has filled.
func timeCommand(ctx context.Context, args []string, stdout io.Writer) error {
	flags := newFlags("time")
	const runs = 5 // enough for a median that one disturbed run does not move
	count := flags.Int("runs", runs, "number of runs")
	cold := flags.Bool("cold", false, "empty the cache before each run")
	device := flags.String("device", "", "what the fit must run on: the beginning of its name")
	if err := flags.Parse(args); err != nil {
		return errors.Join(errUsage, err)
	}
	if flags.NArg() == 0 || *count < 1 || *device == "" {
		return fmt.Errorf("%w: time needs -device and a command", errUsage)
	}
	result := &timing{Cold: *cold}
	var compile, iteration []float64
	add := func(f *fit, process time.Duration) error {
		if !strings.HasPrefix(f.Device, *device) {
			return fmt.Errorf("the fit ran on %s, not %s: %s", f.Device, *device, strings.Join(f.Warnings, "; "))
		}
		result.Device, result.Variants = f.Device, f.Variants
		result.Process = append(result.Process, process.Seconds())
		compile = append(compile, f.CompileSeconds)
		const milli = 1e3
		iteration = append(iteration, milli*f.Seconds/float64(max(f.Iterations, 1)))
		return nil
	}
	if err := repeat(ctx, flags.Args(), *count, *cold, add); err != nil {
		return err
	}
	result.Median, result.Compile, result.Iteration = median(result.Process), median(compile), median(iteration)
	return json.NewEncoder(stdout).Encode(result)
}

// repeat runs a command count times and hands on what each run reports. Unless each is to be cold, one more run goes before.
func repeat(ctx context.Context, command []string, count int, cold bool, add func(*fit, time.Duration) error) error {
	warm, err := os.MkdirTemp("", "gmmspec-warm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(warm)
	if !cold {
		if _, _, err := once(ctx, command, warm); err != nil {
			return err
		}
	}
	for range count {
		dir := warm
		if cold {
			if dir, err = os.MkdirTemp(warm, "cold-"); err != nil {
				return err
			}
		}
		f, process, err := once(ctx, command, dir)
		if err != nil {
			return err
		}
		if err := add(f, process); err != nil {
			return err
		}
	}
	return nil
}

// once runs a command with a cache, and returns what it reports and how long its process lived.
func once(ctx context.Context, command []string, cache string) (*fit, time.Duration, error) {
	process := exec.CommandContext(ctx, command[0], command[1:]...)
	process.Env = append(os.Environ(), cacheVariable+"="+cache)
	var stdout, stderr bytes.Buffer
	process.Stdout, process.Stderr = &stdout, &stderr
	began := time.Now()
	err := process.Run()
	took := time.Since(began)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, &stderr)
	}
	f, err := parseFit(stdout.Bytes())
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	return f, took, nil
}

// median returns the middle of values, the upper one of an even number.
func median(values []float64) float64 { return slices.Sorted(slices.Values(values))[len(values)/2] }
