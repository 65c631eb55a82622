package variants_test

import (
	"fmt"
	"testing"

	"github.com/gmmspec/gmmspec/variants"
)

// TestFeatures holds that the features have each product of two coordinates that statistics need exactly once, in both orders, but for the 1,
// which log-densities do not need.
func TestFeatures(t *testing.T) {
	for _, c := range []variants.Covariance{variants.Full, variants.Diag} {
		for d := 1; d <= 70; d++ {
			want := map[[2]int]bool{}
			for _, cell := range c.Cells(d) {
				a, b := (cell.A+d)%(d+1), (cell.B+d)%(d+1) // the 1 is the last coordinate of features, and the first of cells
				want[[2]int{max(a, b), min(a, b)}] = true
			}
			for list, features := range map[string][]variants.Feature{"steps": c.Features(d), "tiles": c.FeatureTiles(d)} {
				name := fmt.Sprintf("%s, D=%d, %s", c, d, list)
				if len(features)%8 != 0 || list == "steps" && len(features)%16 != 0 {
					t.Errorf("%s: %d features fill no tiles", name, len(features))
				}
				seen := map[[2]int]bool{}
				for _, f := range features {
					pair := [2]int{max(f.A, f.B), min(f.A, f.B)}
					switch {
					case f.A < 0 || f.B < 0 || f.A > d || f.B > d:
						t.Fatalf("%s: there is no product of coordinates %d and %d", name, f.A, f.B)
					case f.Again:
					case seen[pair]:
						t.Fatalf("%s: %v is there twice", name, pair)
					case !want[pair]:
						t.Fatalf("%s: no statistic needs %v", name, pair)
					default:
						seen[pair] = true
					}
				}
				one := [2]int{d, d} // which log-densities have no weight of
				for pair := range want {
					if !seen[pair] && (pair != one || list != "steps") {
						t.Errorf("%s: %v is missing", name, pair)
					}
				}
			}
		}
	}
}

// TestMatrixShape holds that the parts of the matrix form cover what they share, and what a block keeps.
func TestMatrixShape(t *testing.T) {
	for _, m := range []int{1, 5, 16, 17, 64, 65, 100, 1024, 4096} {
		for _, d := range []int{1, 13, 19, 39, 64} {
			p := variants.Problem{M: m, D: d, Covariance: variants.Full, Precision: variants.Float32}
			for _, warpgroup := range []bool{false, true} {
				s, l := p.MatrixShape(warpgroup), variants.NewMatrixLayout()
				most := 4
				if warpgroup {
					most = 8
				}
				if held := s.Chunks * s.Rows * l.Side; held < m || s.Rows > most || (s.Chunks-1)*s.Rows*l.Side >= variants.RoundComponents(m) {
					t.Errorf("M=%d: %d chunks of %d×%d components", m, s.Chunks, s.Rows, l.Side)
				}
				summers := s.Summers
				if warpgroup {
					summers /= 4
					if s.Share != 8*s.Parts || s.Ring < 3 {
						t.Errorf("M=%d, D=%d: a warpgroup has %d tiles in %d parts, in a ring of %d", m, d, s.Share, s.Parts, s.Ring)
					}
					// Twice the sums of 64 features and a chunk, and halves of two times 64 features of a batch, or of what there are.
					numbers := s.Parts*2*8*s.Rows + 2*32
					if numbers > s.SummerRegisters {
						t.Errorf("M=%d, D=%d: %d numbers in %d registers", m, d, numbers, s.SummerRegisters)
					}
					if all := s.SumBlocks * 32 * (s.Summers*s.SummerRegisters + s.Feeders/32*s.FeederRegisters); all > 64<<10 {
						t.Errorf("M=%d, D=%d: %d registers of a multiprocessor", m, d, all)
					}
				} else if s.Share*s.Rows*4 > 112 {
					t.Errorf("M=%d, D=%d: a warp keeps %d tiles of %d×16 components", m, d, s.Share, s.Rows)
				}
				if s.Ranges*summers*s.Share < s.Tiles {
					t.Errorf("M=%d, D=%d: %d ranges of %d with %d tiles of %d", m, d, s.Ranges, summers, s.Share, s.Tiles)
				}
				if firsts := s.FirstCoordinates(p); len(firsts) != s.Ranges {
					t.Errorf("M=%d, D=%d: %d ranges, of which %d begin somewhere", m, d, s.Ranges, len(firsts))
				}
				if s.Span > d {
					t.Errorf("M=%d, D=%d: a range needs %d coordinates", m, d, s.Span)
				}
			}
		}
	}
}

// TestMatrixBlocks holds that as many blocks have room on a multiprocessor at once as a launch counts on.
func TestMatrixBlocks(t *testing.T) {
	const unit, reserved = 228 << 10, 1 << 10
	target, err := variants.CUDAArch("sm_90")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variants.All() {
		if v.Strategy != "matrix" && v.Strategy != "warpgroup" {
			continue
		}
		for _, m := range []int{2, 16, 64, 128, 1024} {
			for d := 1; d <= 256; d++ {
				p := variants.Problem{M: m, D: d, Covariance: v.Covariance, Precision: variants.Float32}
				for _, c := range v.Configs() {
					if v.Serves(p, target, c) != "" {
						continue
					}
					for _, l := range v.Resources(p, c).Then {
						if l.Sums && l.BlocksPerUnit*(l.SharedBytes+reserved) > unit {
							t.Errorf("%s, M=%d, D=%d: %d blocks of %d bytes", v.Name(), m, d, l.BlocksPerUnit, l.SharedBytes)
						}
					}
				}
			}
		}
	}
}
