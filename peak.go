package gmmspec

import (
	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/variants"
)

// Peak returns what a device of an environment's model does at its peak: of a GPU that is here its own rates, of another those
// of a typical one of its architecture. What other processors than this machine's do is not known.
func Peak(e autotune.Environment) (variants.Rates, bool) {
	s := applied(nil)
	s.workshop = processWorkshop()
	if e.Backend == variants.CC {
		s.device = DeviceCC
		_, here, err := s.environment()
		if err != nil || here.Model() != e.Model() {
			return variants.Rates{}, false
		}
		return ccRates(), true
	}
	if device, err := s.workshop.cudaDevice(0); err == nil && device.Name == e.Device {
		return cudaRates(device), true
	}
	rates, err := variants.TypicalRates(e.Arch)
	return rates, err == nil
}
