// Package templates holds the text of the kernels, one file a variant under cuda and c, and the parts they share under lib.
// Package specializer renders them; what they see is its one flat struct, in which every decision has been made.
package templates

import "embed"

// Files is the templates: cuda/*.cu.tmpl, c/*.c.tmpl and lib/*.tmpl.
//
//go:embed cuda/*.cu.tmpl c/*.c.tmpl lib/*.tmpl
var Files embed.FS
