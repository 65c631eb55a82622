//go:build !unix

package cache

import "io/fs"

// private returns "" for everything: where there are no Unix owners and modes, the access control lists of the user's
// profile decide who may write.
func private(fs.FileInfo) string { return "" }
