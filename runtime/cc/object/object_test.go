package object

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"errors"
	"testing"
)

// sample is a whole object for linux/amd64.
func sample(t testing.TB) []byte {
	t.Helper()
	return sampleELF(t, elf.EM_X86_64, func(*elf.Header64, *elf.Prog64) {})
}

func TestSealFormat(t *testing.T) {
	raw := sample(t)
	got, err := seal(raw, "linux", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	want := append(append(append([]byte{}, raw...), sum[:]...), 'g', 'm', 'm', 's', 'p', 'e', 'c', 1)
	if !bytes.Equal(got, want) {
		t.Errorf("sealed object is\n%x, want\n%x", got, want)
	}
	back, err := unseal(got, "linux", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back, raw) {
		t.Errorf("unsealed object is\n%x, want\n%x", back, raw)
	}
	if cap(back) != len(back) {
		t.Error("appending to an unsealed object would overwrite its seal")
	}
}

func TestSealRefusesGarbage(t *testing.T) {
	var format *FormatError
	if _, err := Seal([]byte("garbage")); !errors.As(err, &format) {
		t.Errorf("Seal of garbage returns %v, want a *FormatError", err)
	}
}

// TestUnsealDamage flips every bit of a sealed object and cuts it at every length.
func TestUnsealDamage(t *testing.T) {
	sealed, err := seal(sample(t), "linux", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		for bit := range 8 {
			damaged := bytes.Clone(sealed)
			damaged[i] ^= 1 << bit
			want := ErrDamaged
			if i >= len(sealed)-len(magic) {
				want = ErrUnsealed
			}
			if _, err := unseal(damaged, "linux", "amd64"); !errors.Is(err, want) {
				t.Errorf("byte %d, bit %d flipped: error is %v, want %v", i, bit, err, want)
			}
		}
		if _, err := unseal(sealed[:i], "linux", "amd64"); !errors.Is(err, ErrUnsealed) {
			t.Errorf("cut to %d bytes: error is %v, want %v", i, err, ErrUnsealed)
		}
	}
	if _, err := unseal(append(bytes.Clone(sealed), 0), "linux", "amd64"); !errors.Is(err, ErrUnsealed) {
		t.Errorf("one byte appended: error is %v, want %v", err, ErrUnsealed)
	}
}

// TestUnsealOtherTarget moves an object to another processor and to another system.
func TestUnsealOtherTarget(t *testing.T) {
	sealed, err := seal(sample(t), "linux", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range [][2]string{{"linux", "arm64"}, {"darwin", "amd64"}} {
		var format *FormatError
		if _, err := unseal(sealed, target[0], target[1]); !errors.As(err, &format) {
			t.Errorf("on %s/%s the error is %v, want a *FormatError", target[0], target[1], err)
		}
	}
}

// FuzzUnseal feeds arbitrary bytes: what is accepted seals to the same bytes again.
func FuzzUnseal(f *testing.F) {
	sealed, err := seal(sample(f), "linux", "amd64")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		raw, err := unseal(b, "linux", "amd64")
		if err != nil {
			return
		}
		again, err := seal(raw, "linux", "amd64")
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("Seal(Unseal(b)) = %x, %v; want %x", again, err, b)
		}
	})
}
