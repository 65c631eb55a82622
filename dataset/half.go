package dataset

import "math"

// The fields of an IEEE 754 binary16 number, and what takes them to binary32.
const (
	halfFractionBits = 10
	halfFractionMask = 1<<halfFractionBits - 1
	halfExponentMask = 0x1f
	halfSignBit      = 15
	halfSmallest     = 0x1p-24 // the least subnormal: the unit of a fraction whose exponent is 0

	floatSignBit      = 31
	floatFractionBits = 23
	floatExponentMask = 0xff
	exponentShift     = 127 - 15 // between the two exponents' biases
)

// halfToFloat32 returns the value of a float16 bit pattern, which a float32 always holds exactly.
func halfToFloat32(half uint16) float32 {
	sign := uint32(half>>halfSignBit) << floatSignBit
	exponent := uint32(half>>halfFractionBits) & halfExponentMask
	fraction := uint32(half) & halfFractionMask
	switch exponent {
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*halfSmallest))
	case halfExponentMask: // infinite or NaN
		exponent = floatExponentMask
	default:
		exponent += exponentShift
	}
	return math.Float32frombits(sign | exponent<<floatFractionBits | fraction<<(floatFractionBits-halfFractionBits))
}
