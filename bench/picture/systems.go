package main

import (
	"image/color"

	"gonum.org/v1/plot/vg/draw"
)

// system is one that was timed, and how it is drawn.
type system struct {
	name   string
	hue    color.Color
	shape  draw.GlyphDrawer // nil for a line without marks, which is dashed
	hollow draw.GlyphDrawer // the mark of a time that does not count
}

// The hues are those of internal/report's lines.
func hue(rgb uint32) color.Color {
	const red, green, opaque = 16, 8, 0xff
	return color.RGBA{uint8(rgb >> red), uint8(rgb >> green), uint8(rgb), opaque}
}

func scikitLearn() system {
	return system{"scikit-learn", hue(0xc03c0a), draw.BoxGlyph{}, draw.SquareGlyph{}}
}

func armadillo() system {
	return system{"Armadillo", hue(0x8f7300), draw.PyramidGlyph{}, draw.TriangleGlyph{}}
}

func numpy() system {
	return system{"numpy, two products", hue(0x7038a8), draw.RingGlyph{}, draw.RingGlyph{}}
}

func inFloat64() system {
	return system{"gmmspec, float64", hue(0x00785a), draw.CircleGlyph{}, draw.RingGlyph{}}
}

func inFloat32() system {
	return system{"gmmspec, float32", hue(0x1f5fa8), draw.CircleGlyph{}, draw.RingGlyph{}}
}

func gmmspec() system {
	return system{"gmmspec", hue(0x1f5fa8), draw.CircleGlyph{}, draw.RingGlyph{}}
}

func ceiling() system { return system{name: "16-bit ceiling", hue: hue(0x5a5a5a)} }

// peer is a system of bench/peers/peers.py, by its name there.
type peer struct {
	key string
	system
}

// peers are those on a GPU, as they stand below each other.
func peers() []peer {
	return []peer{
		{"scikit_learn", scikitLearn()},
		{"torch_loop", system{"PyTorch, a loop", hue(0xc2256c), draw.PyramidGlyph{}, draw.TriangleGlyph{}}},
		{"two_products", system{"PyTorch, two products", hue(0x7038a8), draw.BoxGlyph{}, draw.SquareGlyph{}}},
		{"torch_compile", system{"PyTorch, compiled", hue(0x00785a), draw.PyramidGlyph{}, draw.TriangleGlyph{}}},
		{"jax", system{"JAX", hue(0x8f7300), draw.BoxGlyph{}, draw.SquareGlyph{}}},
	}
}

// line is how a system's line is drawn.
func (s system) line() draw.LineStyle {
	const thick, dash = 2, 5
	l := draw.LineStyle{Color: s.hue, Width: thick}
	if s.shape == nil {
		l.Dashes = append(l.Dashes, dash, dash)
	}
	return l
}

// mark is the mark of a time that counts, or does not.
func (s system) mark(counts bool) draw.GlyphStyle {
	g := draw.GlyphStyle{Color: s.hue, Radius: markRadius, Shape: s.shape}
	if !counts {
		g.Shape = s.hollow
	}
	return g
}
