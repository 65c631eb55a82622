package report

import (
	"fmt"
	"math"
	"time"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
)

// contender is a strategy of the made-up table: what it takes is a fixed cost, and a cost an operation that depends on D and M.
type contender struct {
	stage             variants.Stage
	strategy, origin  string
	launch            float64 // seconds
	slow              float64 // times as long as the peak allows
	largestD          int
	spoiltByD, byM    float64
	tunables          []variants.Tunable
	bytesPerOperation float64
}

func contenders() []contender {
	tile := []variants.Tunable{{Name: "tile", Values: []int{64, 32}}}
	return []contender{
		{variants.EStep, "event", "estep1 + estep2", 1e-5, 4, 999, 0.1, 0, nil, 0.3},
		{variants.EStep, "warp", "", 1.2e-5, 8, 999, 0, 0, nil, 0.3},
		{variants.Moments, "cell", "mstep_covar_V1", 2e-5, 30, 999, 0, 0, nil, 1},
		{variants.Moments, "component", "mstep_covar_V2A", 1e-5, 12, 32, 0.3, -0.2, nil, 0.4},
		{variants.Moments, "blocks", "mstep_covar_V2B", 1.5e-5, 9, 48, 0.1, 0, tile, 0.4},
		{variants.Moments, "shared", "mstep_covar_V3", 1e-5, 14, 64, 0, 0.2, nil, 0.5},
		{variants.Moments, "registers", "", 4e-5, 3, 999, 0.02, 0, tile, 0.2},
		{variants.Accumulate, "tile", "", 1.2e-5, 5, 32, 0.15, 0, tile, 0.02},
		{variants.Accumulate, "warp", "", 0.8e-5, 9, 19, 0, 0.25, nil, 0.02},
		{variants.Score, "event", "", 1e-5, 4, 999, 0, 0, nil, 0.1},
		{variants.Update, "component", "mstep_means + constants", 1e-5, 200, 999, 0, 0, nil, 1},
	}
}

// work counts an operation for each event, component and cell.
func (c contender) work(p variants.Problem, _ variants.Config) variants.Work {
	flops := float64(max(p.N, 1)) * float64(p.M) * float64(2*p.Covariance.CellCount(p.D))
	if c.stage == variants.Update {
		flops = float64(p.M * p.D * p.D)
	}
	return variants.Work{Flops: flops, Bytes: c.bytesPerOperation * flops}
}

// testRows is a table in the place of the real one, so that the pages pinned here change with this package alone.
func testRows(b variants.Backend, name string) (variants.Variant, error) {
	for _, c := range contenders() {
		for _, covariance := range []variants.Covariance{variants.Full, variants.Diag} {
			v := variants.Variant{
				Backend: b, Stage: c.stage, Covariance: covariance, Strategy: c.strategy, Original: c.origin, Tunables: c.tunables, Work: c.work,
				Events: variants.ByEvent, Factor: variants.Packed,
			}
			if covariance == variants.Diag {
				v.Factor = variants.Diagonal
			}
			if v.Name() == name {
				return v, nil
			}
		}
	}
	return variants.Variant{}, fmt.Errorf("no row %q", name)
}

func testEnvironment() autotune.Environment {
	return autotune.Environment{Backend: variants.CUDA, Device: "Test GPU 80GB", Arch: "sm_90", Driver: "580.1", Compiler: "NVRTC 13.0.48"}
}

func testCeilings() Ceilings {
	return Ceilings{testEnvironment().Model(): {Float32: 60e12, Float64: 30e12, Bandwidth: 3e12}}
}

// grid is the sizes of a sweep.
type grid struct {
	ms, ds      []int
	ns          []int64
	covariances []variants.Covariance
	precisions  []variants.Precision
}

func smallGrid() grid {
	return grid{[]int{1, 16, 64}, []int{2, 19, 64}, []int64{10_000}, []variants.Covariance{variants.Full}, []variants.Precision{variants.Float32}}
}

// wholeGrid is the sweep that is made on a GPU.
func wholeGrid() grid {
	return grid{
		[]int{1, 5, 16, 32, 64, 128, 512},
		[]int{2, 4, 8, 13, 19, 24, 32, 39, 48, 64},
		[]int64{10_000, 100_000, 1_000_000},
		[]variants.Covariance{variants.Full, variants.Diag},
		[]variants.Precision{variants.Float32, variants.Float64},
	}
}

// synthetic makes the records of a sweep.
func (g grid) synthetic() []autotune.Record {
	var records []autotune.Record
	for _, c := range contenders() {
		for _, covariance := range g.covariances {
			for _, precision := range g.precisions {
				for _, n := range g.ns {
					for _, m := range g.ms {
						for _, d := range g.ds {
							p := variants.Problem{M: m, D: d, N: n, Covariance: covariance, Precision: precision}
							records = append(records, c.records(p)...)
						}
					}
				}
			}
		}
	}
	return records
}

// records tries every configuration of a contender.
func (c contender) records(p variants.Problem) []autotune.Record {
	name := fmt.Sprintf("%s-%s-%s", c.stage, p.Covariance, c.strategy)
	configs := []string{""}
	if len(c.tunables) > 0 {
		configs = []string{"tile=64", "tile=32"}
	}
	var records []autotune.Record
	for i, config := range configs {
		r := autotune.Record{
			Environment: testEnvironment(), Problem: p, Stage: c.stage, Variant: name, Config: config, Source: "0123", Outcome: autotune.OK,
			Repeats: 9, Error: 1e-6, Date: time.Date(2026, 3, 1+p.M%28, 12, p.D%60, 0, 0, time.UTC),
		}
		peak := 30e12
		if p.Precision == variants.Float32 {
			peak = 60e12
		}
		r.Seconds = c.launch + c.slow*c.work(p, nil).Flops/peak*math.Pow(float64(p.D), c.spoiltByD)*math.Pow(float64(p.M), c.byM)*(1+0.1*float64(i))
		r.Low, r.High = 0.98*r.Seconds, 1.03*r.Seconds
		switch {
		case p.Covariance == variants.Full && p.D > c.largestD:
			r.Outcome, r.Reason, r.Seconds, r.Low, r.High = autotune.NotCompiled, "ptxas: too much shared data (0x10400 bytes, 0xc000 max)", 0, 0, 0
		case c.slow >= 30 && p.M*p.D > 2000:
			r.Outcome, r.Low, r.High = autotune.Bound, 0, 0
		}
		records = append(records, r)
	}
	return records
}
