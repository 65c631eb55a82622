package variants

// densityFlops counts one log-density: the difference from the mean, the factor's product, the square, the constant.
func densityFlops(p Problem) float64 {
	return float64(p.D + 2*p.Covariance.Triangle(p.D) + 2*p.D + 2)
}

// softmaxFlops counts one responsibility.
const softmaxFlops = ExpFlops + 4

// momentFlops counts one event's share in one component's sums.
func momentFlops(p Problem) float64 {
	return float64(2*p.D + 2*p.Covariance.CellCount(p.D))
}

// ScoreFlops counts one pass that scores, in the direct form.
func (p Problem) ScoreFlops() float64 { return passes(p) * (densityFlops(p) + softmaxFlops) }

// AccumulateFlops counts one pass that sums statistics, in the direct form.
func (p Problem) AccumulateFlops() float64 { return p.ScoreFlops() + passes(p)*momentFlops(p) }

// passes returns N·M, with N at least 1.
func passes(p Problem) float64 {
	return float64(max(p.N, 1)) * float64(RoundComponents(p.M))
}

// eventBytes is what reading the events once costs.
func eventBytes(p Problem) float64 {
	return float64(max(p.N, 1)) * float64(p.D) * float64(p.Precision.Bytes())
}

func estepWork(efficiency float64) func(Problem, Config) Work {
	return func(p Problem, _ Config) Work {
		return Work{
			Flops:      p.ScoreFlops(),
			Bytes:      eventBytes(p) + 3*passes(p)*float64(p.Precision.Bytes()), // written, read and written again
			Efficiency: efficiency,
		}
	}
}

func momentsWork(efficiency float64) func(Problem, Config) Work {
	return func(p Problem, _ Config) Work {
		return Work{
			Flops:      passes(p) * momentFlops(p),
			Bytes:      eventBytes(p) + passes(p)*float64(p.Precision.Bytes()),
			Efficiency: efficiency,
		}
	}
}

func accumulateWork(efficiency float64) func(Problem, Config) Work {
	return func(p Problem, _ Config) Work {
		return Work{
			Flops:      p.AccumulateFlops(),
			Bytes:      eventBytes(p),
			Efficiency: efficiency,
		}
	}
}

func scoreWork(efficiency float64) func(Problem, Config) Work {
	return func(p Problem, _ Config) Work {
		return Work{
			Flops:      p.ScoreFlops(),
			Bytes:      eventBytes(p) + float64(max(p.N, 1))*float64(p.Precision.Bytes()),
			Efficiency: efficiency,
		}
	}
}

func updateWork(efficiency float64) func(Problem, Config) Work {
	return func(p Problem, _ Config) Work {
		d, m := float64(p.D), float64(RoundComponents(p.M))
		flops := m * 4 * d
		if p.Covariance.Kernel() == Full {
			flops += m * (d*d*d/3 + 3*d*d)
		}
		return Work{
			Flops:      flops,
			Bytes:      8 * m * float64(p.Covariance.CellCount(p.D)+factorOf(p).Record(p.D)),
			Efficiency: efficiency,
		}
	}
}
