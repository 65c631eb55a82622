// Package object describes the bytes of a compiled shared object on their way from the compiler to the loader.
//
// Opening a damaged shared object cannot be made safe by looking at its headers: one flipped bit in a relocation
// or a hash table crashes the dynamic loader, and with it the process. So the compiler's output is sealed once, when it is
// known to be whole, and whoever opens it first checks that not a bit has changed since.
//
// A sealed object is
//
//	the shared object, unchanged | SHA-256 of it (32 bytes) | "gmmspec\x01" (8 bytes)
//
// Loaders and tools such as objdump ignore what follows an object, so a sealed object is still a shared object.
// The seal finds damage, not malice: anyone can seal, so a caller opens objects only from places it trusts.
package object

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	goruntime "runtime"
)

// magic ends a sealed object; its last byte is the version of the seal's format.
const magic = "gmmspec\x01"

// sealSize is the number of bytes that a seal adds.
const sealSize = sha256.Size + len(magic)

// ErrUnsealed is returned for bytes that do not end in a seal: not an object of ours, or one cut short.
var ErrUnsealed = errors.New("object: not a sealed object")

// ErrDamaged is returned for a sealed object whose contents have changed since it was sealed.
var ErrDamaged = errors.New("object: contents differ from the seal")

// Seal returns a copy of raw with its seal, or a *FormatError when raw is not a whole shared object
// for the operating system and processor that this program runs on.
func Seal(raw []byte) ([]byte, error) {
	return seal(raw, goruntime.GOOS, goruntime.GOARCH)
}

// Unseal returns the shared object in sealed, without its seal and sharing its memory. It returns ErrUnsealed, ErrDamaged,
// or a *FormatError when the object was made for another operating system or processor.
func Unseal(sealed []byte) ([]byte, error) {
	return unseal(sealed, goruntime.GOOS, goruntime.GOARCH)
}

// seal is Seal for a named system and processor.
//
//nolint:unparam // the pair names one system, as in unseal and check
func seal(raw []byte, goos, goarch string) ([]byte, error) {
	if err := check(raw, goos, goarch); err != nil {
		return nil, err
	}
	sealed := make([]byte, 0, len(raw)+sealSize)
	sealed = append(sealed, raw...)
	sum := sha256.Sum256(raw)
	sealed = append(sealed, sum[:]...)
	return append(sealed, magic...), nil
}

// unseal is Unseal for a named system and processor.
func unseal(sealed []byte, goos, goarch string) ([]byte, error) {
	if len(sealed) < sealSize || !bytes.HasSuffix(sealed, []byte(magic)) {
		return nil, ErrUnsealed
	}
	size := len(sealed) - sealSize
	raw, sum := sealed[:size:size], sealed[size:size+sha256.Size]
	if got := sha256.Sum256(raw); !bytes.Equal(got[:], sum) {
		return nil, ErrDamaged
	}
	if err := check(raw, goos, goarch); err != nil {
		return nil, err
	}
	return raw, nil
}

// A FormatError says why bytes are not a shared object that Target can load.
type FormatError struct {
	Target string // operating system and processor, as in "linux/amd64"
	Reason string
}

// Error implements error.
func (e *FormatError) Error() string {
	return fmt.Sprintf("object: not a shared object for %s: %s", e.Target, e.Reason)
}
