//go:build !((darwin || linux) && (amd64 || arm64))

package cc

// available says that Open cannot work here, so that no Library or Func comes to be.
const available = false

func load([]byte, string) (uintptr, error) { return 0, ErrUnavailable }

func symbol(uintptr, string) (uintptr, error) { return 0, ErrUnavailable }

func invoke(uintptr, []uintptr) int64 { return 0 }
