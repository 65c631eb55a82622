package variants

import "fmt"

// ccScratch is the memory in which a C kernel keeps a tile of events, of which it has so many rows of numbers besides one for each
// component, and the components' offsets.
func ccScratch(p Problem, tile, rows int) int {
	return (tile*(rows+RoundComponents(p.M)) + RoundComponents(p.M)*p.D) * p.Precision.Bytes()
}

// largestProduct is up to which D a list of all products of two coordinates stays in a processor's caches.
const largestProduct = 128

// mostScratch bounds what a worker may need for the densities of all components: M=4096 with D=1024 needs 40 MiB.
const mostScratch = 128 << 20

// productScratch bounds what a worker may need for the sums of all components.
const productScratch = 32 << 20

// productBytes is the memory in which a kernel that multiplies matrices keeps a run of events, in rows, and their densities; of a tile the
// events by dimension, their log-likelihoods and some of their features; the components' offsets, extremes, a vector each, and sums, some
// of them in vectors, all of them in float64; and what those of one are moved in. Components fill whole register tiles.
func productBytes(p Problem, tile int) int {
	const lanes = avx512Bytes / 4 // at most
	const filling = 6             // components at most that fill a register tile
	const stripes = 4             // at most in a register tile
	features, components := p.Covariance.CellCount(p.D)+2*lanes, RoundComponents(p.M)
	row := 4*p.D + 8*lanes // at most
	numbers := FlushEvents*(row+components+filling) + tile*(p.D+stripes*lanes+1) + components*p.D
	vectors := 2*components + (components+filling)*stripes
	return numbers*p.Precision.Bytes() + vectors*avx512Bytes + 8*((components+filling)*features+2*features+3*p.D+4*lanes)
}

// matrixProduct refuses what has too many features.
func matrixProduct(p Problem, t Target) string {
	if reason := directForm(p, t); reason != "" {
		return reason
	}
	if p.Covariance.Kernel() == Full && p.D > largestProduct {
		return fmt.Sprintf("lists the products of all coordinates: at most D=%d for %s", largestProduct, p.Covariance)
	}
	if productBytes(p, ccTiles()[0]) > productScratch {
		return fmt.Sprintf("keeps all components' sums with each worker: at most %d MiB", productScratch>>20)
	}
	return ""
}

// ccTiles are the numbers of events that are taken at a time: whole vectors on every processor.
func ccTiles() []int { return []int{64, 128} }

// ccVariants is the table of C variants.
func ccVariants() []Variant {
	tile := []Tunable{{Name: "tile", Doc: "events that are taken at a time", Values: ccTiles()}}
	resources := func(rows func(p Problem) int) func(Problem, Config) Resources {
		return func(p Problem, c Config) Resources {
			return Resources{Tile: c.Value("tile"), ScratchBytes: ccScratch(p, c.Value("tile"), rows(p))}
		}
	}
	densities := resources(func(p Problem) int { return p.D + 1 })
	const padding = 3 // rows at most by which x̃ is filled up to whole blocks
	moments := resources(func(p Problem) int { return p.D + 2*(p.D+1+padding) + 1 })
	var rows []Variant
	for _, c := range []Covariance{Full, Diag} {
		rows = append(rows,
			Variant{
				Backend: CC, Stage: EStep, Covariance: c, Strategy: "lanes", Events: ByEvent, Factor: usualFactor(c), Parameters: Global,
				Doc:      "A lane an event: responsibilities of a tile of events, written by component.",
				Template: "c/estep_lanes.c.tmpl",
				Refuse:   directForm, Tunables: tile, Resources: densities, Work: estepWork(0.85),
			},
			Variant{
				Backend: CC, Stage: Moments, Covariance: c, Strategy: "lanes", Events: ByEvent, Factor: usualFactor(c), Parameters: Global,
				Doc:      "A lane an event: sums of a tile, component by component, from given responsibilities.",
				Template: "c/moments_lanes.c.tmpl",
				Refuse:   directForm, Tunables: tile, Resources: moments, Work: momentsWork(0.25),
			},
			Variant{
				Backend: CC, Stage: Accumulate, Covariance: c, Strategy: "lanes", Events: ByEvent, Factor: usualFactor(c), Parameters: Global,
				Doc:      "A lane an event: a tile's responsibilities and sums while it is in the cache.",
				Template: "c/accumulate_lanes.c.tmpl",
				Refuse:   directForm, Tunables: tile, Resources: moments, Work: accumulateWork(0.42),
			},
			Variant{
				Backend: CC, Stage: Accumulate, Covariance: c, Strategy: "product", Events: ByEvent, Factor: usualFactor(c), Parameters: Global, Centred: true,
				Doc:      "A product of matrices: a tile's responsibilities times its features, the products of its coordinates.",
				Template: "c/accumulate_product.c.tmpl",
				Refuse:   matrixProduct, Tunables: tile,
				Resources: func(p Problem, c Config) Resources {
					return Resources{Tile: c.Value("tile"), ScratchBytes: productBytes(p, c.Value("tile"))}
				},
				Work: accumulateWork(0.85),
			},
			Variant{
				Backend: CC, Stage: Score, Covariance: c, Strategy: "lanes", Events: ByEvent, Factor: usualFactor(c), Parameters: Global,
				Doc:      "A lane an event: log-likelihoods and labels of a tile of events.",
				Template: "c/score_lanes.c.tmpl",
				Refuse:   directForm, Tunables: tile, Resources: densities, Work: scoreWork(0.85),
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
