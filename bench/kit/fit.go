package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// fit is what `gmmspec train --json` says, as far as it matters here.
type fit struct {
	Iterations     int       `json:"iterations"`
	Device         string    `json:"device"`
	Variants       []string  `json:"variants"`
	Seconds        float64   `json:"seconds"`
	CompileSeconds float64   `json:"compile_seconds"`
	History        []float64 `json:"history"`
	Warnings       []string  `json:"warnings"`
}

// readFit reads the file of a fit.
func readFit(path string) (*fit, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := parseFit(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// parseFit reads a fit whose history is whole.
func parseFit(text []byte) (*fit, error) {
	var f fit
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	if len(f.History) != f.Iterations+1 {
		return nil, fmt.Errorf("a history of %d totals for %d iterations: want one more than iterations", len(f.History), f.Iterations)
	}
	return &f, nil
}
