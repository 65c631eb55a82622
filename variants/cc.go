package variants

// ccArrays counts the arrays of one number an event that the C kernels keep besides those of D and M: weights, maxima, sums
// and two sums in progress.
const ccArrays = 5

// ccScratch is the memory in which a C kernel keeps a tile of events: the events by dimension, their differences from a mean
// and those times a responsibility (each with its homogeneous coordinate), and a log-density for each component.
func ccScratch(p Problem, tile int) int {
	return tile * (3*(p.D+1) + RoundComponents(p.M) + ccArrays) * p.Precision.Bytes()
}

// ccVariants is the table of C variants. The direct form below is the ladder's first rung: plain loops over the events of a
// tile, innermost and of constant length, which gcc and clang turn into vector instructions.
func ccVariants() []Variant {
	tile := []Tunable{{Name: "tile", Doc: "events in the innermost loops", Values: []int{64, 128}}}
	resources := func(p Problem, c Config) Resources {
		return Resources{Tile: c.Value("tile"), ScratchBytes: ccScratch(p, c.Value("tile"))}
	}
	var rows []Variant
	for _, c := range []Covariance{Full, Diag} {
		rows = append(rows,
			Variant{
				Backend: CC, Stage: EStep, Covariance: c, Strategy: "lanes", Events: ByEvent, Factor: usualFactor(c), Parameters: Global,
				Doc:      "A lane an event: responsibilities of a tile of events, written by component.",
				Template: "c/estep_lanes.c.tmpl",
				Refuse:   directForm, Tunables: tile, Resources: resources, Work: estepWork(0.2),
			},
			Variant{
				Backend: CC, Stage: Moments, Covariance: c, Strategy: "lanes", Events: ByEvent, Factor: usualFactor(c), Parameters: Global,
				Doc:      "A lane an event: sums of a tile, component by component, from given responsibilities.",
				Template: "c/moments_lanes.c.tmpl",
				Refuse:   directForm, Tunables: tile, Resources: resources, Work: momentsWork(0.2),
			},
			Variant{
				Backend: CC, Stage: Accumulate, Covariance: c, Strategy: "lanes", Events: ByEvent, Factor: usualFactor(c), Parameters: Global,
				Doc:      "A lane an event: a tile's responsibilities and sums while it is in the cache.",
				Template: "c/accumulate_lanes.c.tmpl",
				Refuse:   directForm, Tunables: tile, Resources: resources, Work: accumulateWork(0.2),
			},
			Variant{
				Backend: CC, Stage: Score, Covariance: c, Strategy: "lanes", Events: ByEvent, Factor: usualFactor(c), Parameters: Global,
				Doc:      "A lane an event: log-likelihoods and labels of a tile of events.",
				Template: "c/score_lanes.c.tmpl",
				Refuse:   directForm, Tunables: tile, Resources: resources, Work: scoreWork(0.2),
			},
			Variant{
				Backend: CC, Stage: Update, Covariance: c, Strategy: "component", Events: ByEvent, Factor: usualFactor(c), Parameters: Global,
				Doc:      "Component by component, in float64: mean, covariance, ridge, and a Cholesky factorisation to check them.",
				Template: "c/update_component.c.tmpl",
				Refuse:   ownCovariance,
				Resources: func(p Problem, _ Config) Resources {
					return Resources{Tile: 1}
				},
				Work: updateWork(0.02),
			},
		)
	}
	return rows
}
