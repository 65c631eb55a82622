package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gmmspec/gmmspec"
	"github.com/gmmspec/gmmspec/dataset"
)

// What of a model is printed: what a terminal of 120 columns can show of a matrix, and a screen or two of components.
const (
	shownComponents = 8
	shownDimensions = 8
)

// significant is how many digits of a parameter are printed; the model file has all of them.
const significant = 6

// fitJSON is what train --json prints.
type fitJSON struct {
	LogLikelihood  float64   `json:"log_likelihood"`
	Iterations     int       `json:"iterations"`
	Converged      bool      `json:"converged"`
	Device         string    `json:"device"`
	Precision      string    `json:"precision"`
	Variants       []string  `json:"variants"`
	Seconds        float64   `json:"seconds"`
	CompileSeconds float64   `json:"compile_seconds"`
	History        []float64 `json:"history"`
	Warnings       []string  `json:"warnings"`
}

// writeFitJSON prints a fit for programs.
func writeFitJSON(w io.Writer, r *gmmspec.Result) error {
	return writeJSON(w, fitJSON{
		LogLikelihood: r.LogLikelihood, Iterations: r.Iterations, Converged: r.Converged,
		Device: r.Plan.Device, Precision: string(r.Plan.Problem.Precision), Variants: r.Plan.Variants(),
		Seconds: r.Training.Seconds(), CompileSeconds: r.Compiling.Seconds(),
		History: r.History, Warnings: listed(r.Warnings),
	})
}

// listed returns values as a list even when there is none: in JSON that is [] and not null.
func listed[T any](values []T) []T {
	if values == nil {
		return []T{}
	}
	return values
}

// writeJSON prints a value on one line.
func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// writeFit prints a fit for people; output is the file that the model is in, if it is in one.
func writeFit(w io.Writer, t *dataset.Table, p *gmmspec.Parameters, r *gmmspec.Result, output string) {
	writeParameters(w, t, p)
	if p.M > shownComponents || p.D > shownDimensions {
		where := "-o MODEL.json keeps all"
		if output != "" {
			where = "all are in " + printable(output)
		}
		fmt.Fprintf(w, "shown are %d of %d components and %d of %d dimensions: %s\n\n",
			min(p.M, shownComponents), p.M, min(p.D, shownDimensions), p.D, where)
	}
	outcome := "not converged"
	if r.Converged {
		outcome = "converged"
	}
	plan := "plain Go"
	if kernels := r.Plan.Variants(); len(kernels) > 0 {
		plan = strings.Join(kernels, ", ")
	}
	table := tabwriter.NewWriter(w, 0, 0, columnGap, ' ', 0)
	fmt.Fprintf(table, "data\t%s: N=%d D=%d\n", printable(t.Source), t.Rows, t.Columns)
	fmt.Fprintf(table, "log-likelihood\t%s, %s an event\n", total(r.LogLikelihood), digits(r.LogLikelihood/float64(t.Rows)))
	fmt.Fprintf(table, "iterations\t%d, %s\n", r.Iterations, outcome)
	fmt.Fprintf(table, "device\t%s: %s\n", r.Plan.Device, r.Plan.Why)
	fmt.Fprintf(table, "plan\t%s in %s: %s\n", plan, r.Plan.Problem.Precision, r.Plan.WhyPrecision)
	if output != "" {
		fmt.Fprintf(table, "model\t%s\n", printable(output))
	}
	fmt.Fprintf(table, "time\t%s training, after %s of planning and compiling\n", rounded(r.Training), rounded(r.Compiling))
	table.Flush()
}

// columnGap is how many spaces lie between columns.
const columnGap = 2

// writeParameters prints each component's weight, mean and covariance, as far as there is room.
func writeParameters(w io.Writer, t *dataset.Table, p *gmmspec.Parameters) {
	shown := min(p.D, shownDimensions)
	row := func(table io.Writer, name string, value func(d int) string) {
		fmt.Fprintf(table, "%s\t", name)
		for d := range shown {
			fmt.Fprintf(table, "%s\t", value(d))
		}
		fmt.Fprintln(table)
	}
	for m := range min(p.M, shownComponents) {
		fmt.Fprintf(w, "component %d, weight %s\n", m, digits(p.Weights[m]))
		mean, covariance := p.Mean(m), p.Matrix(m)
		table := tabwriter.NewWriter(w, 0, 0, columnGap, ' ', tabwriter.AlignRight)
		row(table, "", func(d int) string { return columnName(t, d) })
		row(table, "mean", func(d int) string { return digits(mean[d]) })
		switch p.Covariance {
		case gmmspec.Full, gmmspec.Tied:
			for a := range shown {
				name := ""
				if a == 0 {
					name = "covariance"
				}
				row(table, name, func(b int) string { return digits(covariance.At(a, b)) })
			}
		case gmmspec.Diag, gmmspec.Spherical:
			row(table, "variance", func(d int) string { return digits(covariance.At(d, d)) })
		}
		table.Flush()
		fmt.Fprintln(w)
	}
}

// columnName returns the data's name for a dimension, or a made-up one.
func columnName(t *dataset.Table, d int) string {
	if t.Names != nil {
		return printable(t.Names[d])
	}
	return "x" + strconv.Itoa(d+1)
}

// digits prints a number to a few digits.
func digits(x float64) string { return strconv.FormatFloat(x, 'g', significant, 64) }

// total prints a sum over events: with a fraction as long as it can have one.
func total(x float64) string {
	const decimals, most = 2, 1e13 // what a float64 has two decimals of
	if math.Abs(x) < most {
		return strconv.FormatFloat(x, 'f', decimals, 64)
	}
	return digits(x)
}

// timeDigits is the precision that durations are printed with: microseconds.
const timeDigits = time.Microsecond

// rounded prints a duration.
func rounded(d time.Duration) string { return d.Round(timeDigits).String() }
