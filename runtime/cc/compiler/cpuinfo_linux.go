package compiler

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// describeProcessor condenses the text of Linux's /proc/cpuinfo into the part that -march=native depends on:
// the models of all cores, and a digest of their sorted instruction-set flags. It leaves out clock rates,
// addresses and whatever else changes while the machine runs.
func describeProcessor(goarch, cpuinfo string) (string, error) {
	models, features := []string{"vendor_id", "cpu family", "model"}, "flags"
	if goarch == "arm64" {
		models, features = []string{"CPU implementer", "CPU part"}, "Features"
	}
	values := cpuinfoValues(cpuinfo)
	if len(values[features]) == 0 {
		return "", fmt.Errorf("compiler: /proc/cpuinfo has no line %q", features)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "linux/%s", goarch)
	for _, key := range models {
		fmt.Fprintf(&b, ", %s %s", key, strings.Join(values[key], "+"))
	}
	sum := sha256.New()
	for _, set := range values[features] {
		words := strings.Fields(set)
		slices.Sort(words)
		fmt.Fprintln(sum, strings.Join(words, " "))
	}
	fmt.Fprintf(&b, ", %s sha256 %x", features, sum.Sum(nil)[:featureDigest])
	return b.String(), nil
}

// featureDigest is how many bytes of the digest of the flags are kept: a handful of processors share a cache, and
// 8 bytes make a clash between two of them a matter of 2⁻⁶⁴.
const featureDigest = 8

// cpuinfoValues returns the distinct values of each key over all cores, sorted: cores of one machine may differ.
func cpuinfoValues(cpuinfo string) map[string][]string {
	values := make(map[string][]string)
	for line := range strings.Lines(cpuinfo) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if i, found := slices.BinarySearch(values[key], value); !found {
			values[key] = slices.Insert(values[key], i, value)
		}
	}
	return values
}
