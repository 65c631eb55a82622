package specializer

import (
	"fmt"

	"github.com/gmmspec/gmmspec/variants"
)

// Unit is one kernel, fully decided.
type Unit struct {
	Problem variants.Problem
	Target  variants.Target
	Variant variants.Variant
	Config  variants.Config
}

// Source is rendered text and what a runtime needs to know to launch it.
type Source struct {
	// Name is the variant's name, with its configuration.
	Name string
	// Text is C or CUDA C++, complete in itself.
	Text string
	// Arch is the architecture to compile for, "sm_90" or "sm_90a"; for cc the processor's own.
	Arch string
	// Entry is the name of the kernel's function.
	Entry string
	// Components is the number of components the text is compiled for, at least the problem's.
	Components int
	// Resources is what the kernel needs and how it is launched.
	Resources variants.Resources
}

// Validate reports a unit that its own row refuses.
func (u Unit) Validate() error {
	if err := u.Problem.Validate(); err != nil {
		return err
	}
	if u.Variant.Backend != u.Target.Backend {
		return fmt.Errorf("specializer: %s is for %s, not for %s", u.Variant.Name(), u.Variant.Backend, u.Target.Backend)
	}
	if got := u.Problem.Covariance.Kernel(); got != u.Variant.Covariance {
		return fmt.Errorf("specializer: %s does not serve %s covariances", u.Variant.Name(), u.Problem.Covariance)
	}
	if reason := u.Variant.Refuse(u.Problem, u.Target); reason != "" {
		return fmt.Errorf("specializer: %s %s", u.Variant.Name(), reason)
	}
	_, err := u.Variant.ParseConfig(u.Config.String())
	return err
}
