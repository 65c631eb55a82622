package dl

// Library is an open shared library. It stays open for the life of the process.
type Library struct {
	Path   string // what it was opened by
	handle uintptr
}
