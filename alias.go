package gmmspec

import (
	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/mixture"
)

// Parameters is a mixture of M components over D dimensions.
type Parameters = mixture.Parameters

// Covariance says which covariance entries are free.
type Covariance = mixture.Covariance

// The covariance types.
const (
	Full      = mixture.Full
	Diag      = mixture.Diag
	Tied      = mixture.Tied
	Spherical = mixture.Spherical
)

// ParseCovariance returns the covariance type that s names.
func ParseCovariance(s string) (Covariance, error) { return mixture.ParseCovariance(s) }

// Start is a rule that takes a model's first parameters from the data.
type Start = mixture.Start

// The starting rules.
const (
	StartRandomFromData = mixture.StartRandomFromData
	StartEven           = mixture.StartEven
)

// Progress is where a fit stands.
type Progress = mixture.Progress

// Plan is what is done for a problem on a device, and why.
type Plan = autotune.Plan

// PlanMode says what the choices of a plan may rest on.
type PlanMode = autotune.Mode

// The plan modes.
const (
	// PlanByEstimate takes what was measured, where there is such a thing, and otherwise the cost model.
	PlanByEstimate = autotune.ByEstimate
	// PlanMeasured times the promising candidates of a fit that was not tuned before it runs, and remembers.
	PlanMeasured = autotune.Measure
	// PlanWisdomOnly takes only what was measured, and is an error where nothing was.
	PlanWisdomOnly = autotune.WisdomOnly
	// PlanExplore has every fit run kernels that were not measured yet, and measures them, until all are known.
	PlanExplore = autotune.Explore
)
