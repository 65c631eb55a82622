package gmmspec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/runtime/cuda"
	"github.com/gmmspec/gmmspec/variants"
)

// The trials that a worker does.
const (
	doVerify = "verify"
	doLoad   = "load" // the events of a problem, which are timed on
	doTime   = "time"
)

// trialRequest asks a worker for a trial of a candidate.
type trialRequest struct {
	Do      string           `json:"do"`
	Problem variants.Problem `json:"problem"`
	Variant string           `json:"variant"`
	Config  string           `json:"config"`
	Repeats int              `json:"repeats,omitempty"`
}

// trialReply is a worker's answer.
type trialReply struct {
	Worst   float64   `json:"worst,omitempty"`
	Seconds []float64 `json:"seconds,omitempty"`
	Wrong   string    `json:"wrong,omitempty"` // where the results are not the reference's
	Error   string    `json:"error,omitempty"`
	// Trouble is set where the error is not the candidate's.
	Trouble bool `json:"trouble,omitempty"`
	// Lost is set where the error has ended the device's context, so that this process can do no more.
	Lost bool `json:"lost,omitempty"`
}

// ServeTrials does what a [Tuner] in another process asks for, a line of JSON for each trial, until in ends: see
// [TunerOptions].
func ServeTrials(ctx context.Context, in io.Reader, out io.Writer, options ...Option) (err error) {
	if ctx == nil || in == nil || out == nil {
		return errors.New("gmmspec: trials need a context, a reader and a writer")
	}
	s, err := newSettings(1, 1, options)
	if err != nil {
		return err
	}
	l, err := newLaboratory(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	requests, replies := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var request trialRequest
		if err := requests.Decode(&request); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("gmmspec: a trial's request: %w", err)
		}
		reply := l.serve(ctx, request)
		if err := replies.Encode(reply); err != nil {
			return err
		}
		if reply.Lost {
			return errors.New("gmmspec: " + reply.Error)
		}
	}
}

// serve does one trial.
func (l *laboratory) serve(ctx context.Context, request trialRequest) (reply trialReply) {
	err := l.answer(ctx, request, &reply)
	if wrong, ok := errors.AsType[*autotune.WrongError](err); ok {
		return trialReply{Worst: wrong.Largest(), Wrong: wrong.Where}
	}
	if err != nil {
		result, ok := errors.AsType[cuda.Result](err)
		reply = trialReply{Error: err.Error(), Lost: ok && result.Sticky()}
		if trouble, ok := errors.AsType[*autotune.BenchError](err); ok && !reply.Lost {
			reply.Error, reply.Trouble = trouble.Err.Error(), true
		}
	}
	return reply
}

// answer fills in what a trial finds.
func (l *laboratory) answer(ctx context.Context, request trialRequest, reply *trialReply) error {
	if request.Do == doLoad {
		return l.load(ctx, request.Problem)
	}
	c, err := candidateOf(l.target.Backend, request.Variant, request.Config)
	if err != nil {
		return err
	}
	switch request.Do {
	case doVerify:
		reply.Worst, err = l.Verify(ctx, request.Problem, c)
	case doTime:
		reply.Seconds, err = l.Time(ctx, request.Problem, c, request.Repeats)
	default:
		err = fmt.Errorf("gmmspec: unknown trial %q", request.Do)
	}
	return err
}

// candidateOf finds a candidate by its names.
func candidateOf(b variants.Backend, variant, config string) (variants.Candidate, error) {
	v, err := variants.ByName(b, variant)
	if err != nil {
		return variants.Candidate{}, err
	}
	c, err := v.ParseConfig(config)
	return variants.Candidate{Variant: v, Config: c}, err
}

// remoteBench is a laboratory whose candidates run in another process, which is started anew whenever one has ended it.
type remoteBench struct {
	*laboratory
	command func() *exec.Cmd
	process *process         // nil for none
	loaded  variants.Problem // whose events it holds
}

// process is a worker.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser
	replies *json.Decoder
	errors  bytes.Buffer
}

// Verify has the worker hold a candidate against the reference.
func (b *remoteBench) Verify(ctx context.Context, p variants.Problem, c variants.Candidate) (float64, error) {
	reply, err := b.ask(ctx, trialRequest{Do: doVerify, Problem: p, Variant: c.Variant.Name(), Config: c.Config.String()})
	return reply.Worst, err
}

// Time has the worker time a candidate. Where it does not survive loading the events, no candidate is to blame.
func (b *remoteBench) Time(ctx context.Context, p variants.Problem, c variants.Candidate, repeats int) ([]float64, error) {
	if b.loaded != p {
		_, err := b.ask(ctx, trialRequest{Do: doLoad, Problem: p})
		if err != nil && !errors.As(err, new(*autotune.BenchError)) {
			err = &autotune.BenchError{Err: fmt.Errorf("loading the events of %s: %w", p, err)}
		}
		if err != nil {
			return nil, err
		}
		b.loaded = p
	}
	reply, err := b.ask(ctx, trialRequest{Do: doTime, Problem: p, Variant: c.Variant.Name(), Config: c.Config.String(), Repeats: repeats})
	return reply.Seconds, err
}

// ask sends a request and waits for its reply, for the end of the worker, or for that of ctx, which ends the worker.
func (b *remoteBench) ask(ctx context.Context, request trialRequest) (trialReply, error) {
	if err := b.start(); err != nil {
		return trialReply{}, &autotune.BenchError{Err: err}
	}
	p := b.process
	type answer struct {
		reply trialReply
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		var a answer
		if a.err = json.NewEncoder(p.in).Encode(request); a.err == nil {
			a.err = p.replies.Decode(&a.reply)
		}
		answered <- a
	}()
	select {
	case <-ctx.Done():
		b.stop()
		<-answered
		return trialReply{}, ctx.Err()
	case a := <-answered:
		if a.err != nil {
			b.stop()
			return trialReply{}, &autotune.CrashError{Reason: p.lastWords(a.err)}
		}
		return a.reply, b.judge(a.reply)
	}
}

// judge turns a reply into the error that it tells of, if any.
func (b *remoteBench) judge(r trialReply) error {
	switch {
	case r.Lost:
		b.stop()
		return &autotune.CrashError{Reason: r.Error}
	case r.Trouble:
		return &autotune.BenchError{Err: errors.New(r.Error)}
	case r.Wrong != "":
		return &autotune.WrongError{Worst: r.Worst, Where: r.Wrong}
	case r.Error != "":
		return errors.New(r.Error)
	}
	return nil
}

// start starts a worker, unless there is one.
func (b *remoteBench) start() error {
	if b.process != nil {
		return nil
	}
	p := &process{command: b.command()}
	p.command.Stderr = &p.errors
	var err error
	if p.in, err = p.command.StdinPipe(); err != nil {
		return fmt.Errorf("gmmspec: %w", err)
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return fmt.Errorf("gmmspec: %w", err)
	}
	p.replies = json.NewDecoder(out)
	if err := p.command.Start(); err != nil {
		return fmt.Errorf("gmmspec: the worker of the tuner: %w", err)
	}
	b.process = p
	return nil
}

// stop ends the worker, if there is one.
func (b *remoteBench) stop() {
	if b.process == nil {
		return
	}
	_ = b.process.in.Close()
	_ = b.process.command.Process.Kill() // it may be gone already
	_ = b.process.command.Wait()         // how it ended has been told
	b.process, b.loaded = nil, variants.Problem{}
}

// lastWords says how a worker ended: how its panic begins, what it wrote last, or why it cannot be heard.
func (p *process) lastWords(err error) string {
	lines := strings.Split(strings.TrimSpace(p.errors.String()), "\n")
	for _, line := range lines {
		for _, beginning := range []string{"panic: ", "fatal error: ", "SIG"} {
			if strings.HasPrefix(line, beginning) {
				return line
			}
		}
	}
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return fmt.Sprintf("its process ended (%v)", err)
}
