package nvrtc

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"strings"
)

// Result is a compiled program.
type Result struct {
	PTX     []byte  // text for any device of this architecture or a later one; not the same bytes every time
	Cubin   []byte  // machine code for Program.Arch
	Log     string  // warnings, and the report that Entries was read from
	Entries []Entry // the kernels, in the log's order
}

// Compile translates a program. If its source or options are at fault the error is
// a *CompileError. A compile that has begun is not interrupted: ctx is looked at
// before it and after.
func (c *Compiler) Compile(ctx context.Context, p Program) (*Result, error) {
	if strings.ContainsRune(p.Source, 0) || strings.ContainsRune(p.Name, 0) {
		return nil, fmt.Errorf("nvrtc: program %q holds a zero byte", p.Name)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var pinner goruntime.Pinner
	defer pinner.Unpin()
	source, name := cString(&pinner, p.Source), cString(&pinner, p.Name)
	var program handle
	if err := check("nvrtcCreateProgram", c.api.CreateProgram(&program, source, name, 0, nil, nil)); err != nil {
		return nil, err
	}
	result, err := c.compile(ctx, program, p)
	if err := errors.Join(err, check("nvrtcDestroyProgram", c.api.DestroyProgram(&program))); err != nil {
		return nil, err
	}
	return result, nil
}

// compile translates a program that has been created.
func (c *Compiler) compile(ctx context.Context, program handle, p Program) (*Result, error) {
	options := c.Options(p)
	code := c.compileProgram(program, options)
	log, err := c.fetch("nvrtcGetProgramLog", program, c.api.GetProgramLogSize, c.api.GetProgramLog)
	if err != nil {
		return nil, err
	}
	result := &Result{Log: strings.TrimRight(string(log), "\x00\n")}
	if code != CodeSuccess {
		return nil, &CompileError{Name: p.Name, Source: p.Source, Options: options, Log: result.Log, Code: code}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if result.PTX, err = c.fetch("nvrtcGetPTX", program, c.api.GetPTXSize, c.api.GetPTX); err != nil {
		return nil, err
	}
	if result.Cubin, err = c.fetch("nvrtcGetCUBIN", program, c.api.GetCUBINSize, c.api.GetCUBIN); err != nil {
		return nil, err
	}
	result.PTX = []byte(strings.TrimRight(string(result.PTX), "\x00"))
	result.Entries = parseReport(result.Log)
	return result, nil
}

// compileProgram passes the options on.
func (c *Compiler) compileProgram(program handle, options []string) Code {
	var pinner goruntime.Pinner
	defer pinner.Unpin()
	pointers := make([]*byte, len(options))
	for i, option := range options {
		pointers[i] = cString(&pinner, option)
	}
	return c.api.CompileProgram(program, int32(len(pointers)), &pointers[0])
}

// cString returns the text as C wants it, in place until the pinner lets it go.
func cString(pinner *goruntime.Pinner, text string) *byte {
	first := &append([]byte(text), 0)[0]
	pinner.Pin(first)
	return first
}

// fetch reads one of a program's outputs: its size, then its bytes.
func (c *Compiler) fetch(call string, program handle, size func(handle, *uintptr) Code, get func(handle, *byte) Code) ([]byte, error) {
	var bytes uintptr
	if err := check(call+"Size", size(program, &bytes)); err != nil || bytes == 0 {
		return nil, err
	}
	output := make([]byte, bytes)
	return output, check(call, get(program, &output[0]))
}
