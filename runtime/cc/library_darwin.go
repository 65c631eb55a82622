//go:build amd64 || arm64

package cc

// load loads a library through a file in dir: macOS has no anonymous files to load from.
func load(image []byte, dir string) (uintptr, error) {
	return loadFile(image, dir)
}
