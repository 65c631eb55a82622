// Package compiler finds the C compiler of the machine it runs on and turns the text of a kernel into a shared object.
//
//	c, err := compiler.Find(compiler.Options{})
//	object, log, err := c.Compile(ctx, "estep-full-lanes", source)
//
// A kernel is one self-contained translation unit. It is compiled for the very processor it will run on
// (-march=native), so an object must never reach another one: Identity names the compiler, its flags and the processor,
// and belongs in the key of whatever keeps objects.
//
// The compiler is run without a shell, in a private directory, with a small environment and a time limit, and a failure of
// any kind is an error value: CompileError, TimeoutError or OutputError.
// What Compile returns carries the seal that package object describes, which the loader in runtime/cc asks for.
package compiler
