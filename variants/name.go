package variants

import (
	"fmt"
	"slices"
	"strings"
)

// Name is a variant's name, taken apart: stage-covariance-strategy, then a word for each layout that is not the usual one.
type Name struct {
	Stage      Stage
	Covariance Covariance
	Strategy   string
	Events     EventLayout
	Factor     CovarianceLayout
}

// Name returns the variant's name: "moments-full-cell", "estep-full-warp-square", "moments-diag-pair-dimension".
func (v Variant) Name() string {
	return Name{v.Stage, v.Covariance, v.Strategy, v.Events, v.Factor}.String()
}

// usualFactor is the covariance layout that names leave out.
func usualFactor(c Covariance) CovarianceLayout {
	if c == Diag {
		return Diagonal
	}
	return Packed
}

// String writes the name.
func (n Name) String() string {
	text := string(n.Stage) + "-" + string(n.Covariance) + "-" + n.Strategy
	if n.Events != ByEvent {
		text += "-" + string(n.Events)
	}
	if n.Factor != usualFactor(n.Covariance) {
		text += "-" + string(n.Factor)
	}
	return text
}

// ParseName is the inverse of [Name.String]. It does not ask whether there is such a variant.
func ParseName(text string) (Name, error) {
	const least = 3
	words := strings.Split(text, "-")
	if len(words) < least || slices.Contains(words, "") {
		return Name{}, fmt.Errorf("variants: name %q: want STAGE-COVARIANCE-STRATEGY", text)
	}
	n := Name{Stage: Stage(words[0]), Covariance: Covariance(words[1]), Strategy: words[2], Events: ByEvent}
	n.Factor = usualFactor(n.Covariance)
	if !slices.Contains(Stages(), n.Stage) {
		return Name{}, fmt.Errorf("variants: name %q: unknown stage %q", text, words[0])
	}
	if n.Covariance != Full && n.Covariance != Diag {
		return Name{}, fmt.Errorf("variants: name %q: covariance %q: want full or diag", text, words[1])
	}
	rest := words[least:]
	if len(rest) > 0 && rest[0] == string(ByDimension) {
		n.Events, rest = ByDimension, rest[1:]
	}
	if len(rest) > 0 && n.Covariance == Full && rest[0] == string(Square) {
		n.Factor, rest = Square, rest[1:]
	}
	if len(rest) > 0 {
		return Name{}, fmt.Errorf("variants: name %q: unknown layout %q", text, rest[0])
	}
	return n, nil
}
