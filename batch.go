package gmmspec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/mixture"
	"github.com/gmmspec/gmmspec/runtime"
)

// TrainBatch trains many models at once, models[i] on events[i], as their [Model.Train] would: thousands of small mixtures are fitted on a
// GPU in one launch, and elsewhere side by side. Models of the same shape and settings go together; those whose events have weights, or
// missing values, or are many times as many as others', whose covariances are tied or spherical, whose assignment is hard or whose precision is
// float64, are trained by themselves, side by side too. The results are in the models' order; those of models that were trained together
// have one plan, and the time of all. What [WithProgress] was given is called from several goroutines, and after it is done for what was
// trained together.
//
// An error of one model's, which names its number, does not keep the others from being trained: the results are returned with it, nil for
// those that failed. When ctx is cancelled, those that are not done keep the parameters that they had, or have come to.
func TrainBatch(ctx context.Context, models []*Model, events []Events) ([]*Result, error) {
	if len(models) != len(events) {
		return nil, errUnequal(models, events)
	}
	b := &batch{
		models: models, prepared: make([]*prepared, len(models)), fits: make([]*mixture.Fit, len(models)), warnings: make([][]string, len(models)),
		results: make([]*Result, len(models)), errs: make([]error, len(models)),
	}
	numbers := make(map[*Model]int, len(models))
	held := make([]*Model, 0, len(models))
	for i, m := range models {
		if b.errs[i] = m.check(ctx, events[i]); b.errs[i] != nil {
			continue
		}
		if first, twice := numbers[m]; twice {
			b.errs[i] = fmt.Errorf("gmmspec: it is model %d again", first)
			continue
		}
		numbers[m] = i
		held = append(held, m)
	}
	// Batches of the same models do not wait for each other.
	slices.SortFunc(held, func(a, b *Model) int { return cmp.Compare(a.number, b.number) })
	training := 0
	defer func() {
		for _, m := range held[:training] {
			<-m.training
		}
	}()
	for _, m := range held {
		select {
		case m.training <- struct{}{}:
			training++
		case <-ctx.Done():
			return b.results, errorOf(ctx, b.errs)
		}
	}
	runtime.SideBySide(len(models), func(i int) {
		if b.errs[i] == nil {
			b.prepared[i], b.errs[i] = models[i].prepare(ctx, events[i])
		}
	})
	for _, group := range b.groups() {
		if err := b.together(ctx, group); err != nil {
			return b.results, errorOf(ctx, b.errs)
		}
	}
	runtime.SideBySide(len(models), func(i int) {
		if b.errs[i] == nil && b.results[i] == nil {
			b.results[i], b.errs[i] = models[i].train(ctx, b.prepared[i], b.fits[i])
			b.warnOf(i)
		}
	})
	return b.results, errorOf(ctx, b.errs)
}

// ScoreBatch scores many sets of events, events[i] under models[i], as their [Model.Score] would, side by side: log p(x) of each event in
// nats. An error of one, which names its number, leaves the others' scores.
func ScoreBatch(ctx context.Context, models []*Model, events []Events) ([][]float64, error) {
	if len(models) != len(events) {
		return nil, errUnequal(models, events)
	}
	scores, errs := make([][]float64, len(models)), make([]error, len(models))
	runtime.SideBySide(len(models), func(i int) {
		scores[i], errs[i] = models[i].Score(ctx, events[i])
	})
	return scores, errorOf(ctx, errs)
}

func errUnequal(models []*Model, events []Events) error {
	return fmt.Errorf("gmmspec: %d models for %d sets of events", len(models), len(events))
}

// errorOf joins errors of models, each with its model's number; that ctx has ended is one of them once.
func errorOf(ctx context.Context, errs []error) error {
	var ended error
	if ctx != nil {
		ended = ctx.Err()
	}
	all := []error{ended}
	for i, err := range errs {
		if err != nil && (ended == nil || !errors.Is(err, ended)) {
			all = append(all, fmt.Errorf("model %d: %w", i, err))
		}
	}
	return errors.Join(all...)
}

// batch is models that are trained at once.
type batch struct {
	models   []*Model
	prepared []*prepared
	fits     []*mixture.Fit // how far each has come
	warnings [][]string     // of what was tried with others
	results  []*Result      // of those that are done
	errs     []error
}

// kindOfFit is what models have in common that can be trained together.
type kindOfFit struct {
	components, dimensions int
	covariance             Covariance
	device                 string
	ordinal                int
	precision              string
	maxError               float64
	mode                   PlanMode
	variants, cacheDir     string
}

// groups lists the models that can be trained together, by number.
func (b *batch) groups() [][]int {
	var order []kindOfFit
	of := map[kindOfFit][]int{}
	for i, m := range b.models {
		if b.errs[i] != nil {
			continue
		}
		s := m.settings
		if s.weights != nil || s.hard || s.missing || s.precision == PrecisionFloat64 || s.covariance != Full && s.covariance != Diag ||
			s.device != DeviceAuto && s.device != DeviceCUDA {
			continue
		}
		if s.device == DeviceAuto {
			if _, err := s.workshop.openCUDA(); err != nil {
				continue // no device here has more to do with many mixtures than with one
			}
		}
		key := kindOfFit{m.m, m.d, s.covariance, s.device, s.ordinal, s.precision, s.maxError, s.mode, strings.Join(s.variants, " "), s.cacheDir}
		if of[key] == nil {
			order = append(order, key)
		}
		of[key] = append(of[key], i)
	}
	var groups [][]int
	for _, key := range order {
		if group := b.alike(of[key]); len(group) > 1 {
			groups = append(groups, group)
		}
	}
	return groups
}

// alike leaves out of a group what has so many events, beside the others, that a block of a GPU would have it when all else is done.
func (b *batch) alike(group []int) []int {
	const (
		few    = 4096
		blocks = 64 // that are busy at least
	)
	events := 0
	for _, i := range group {
		events += b.prepared[i].data.Events.Len()
	}
	return slices.DeleteFunc(group, func(i int) bool { return b.prepared[i].data.Events.Len() > max(few, events/blocks) })
}

// together trains a group on a device that can do so, as far as it does. What it does not do is left.
func (b *batch) together(ctx context.Context, group []int) error {
	first := b.models[group[0]]
	events, passes := 0, 0
	for _, i := range group {
		events += b.prepared[i].data.Events.Len()
		passes = max(passes, b.models[i].settings.expectedPasses())
	}
	var warnings []string
	warn := func(warning string) { warnings = append(warnings, warning) }
	began := time.Now()
	o, err := first.devices.open(ctx, first.settings, job{
		components: first.m, data: b.prepared[group[0]].data, events: events, need: autotune.Need{Train: true, Batch: true, Passes: passes},
	}, warn)
	// Each for itself finds another way, or the same error, but perhaps not what has kept them from being trained together.
	defer func() {
		for _, i := range group {
			b.warnings[i] = warnings
		}
	}()
	if err != nil {
		return ctx.Err()
	}
	defer func() { _ = first.settings.workshop.pool.release(o.slot) }() // what is done is not lost by it
	device, ok := o.slot.device.(mixture.Batcher)
	if !ok {
		return nil
	}
	jobs := make([]mixture.Job, len(group))
	for k, i := range group {
		s, p := b.models[i].settings, b.prepared[i]
		jobs[k] = mixture.Job{Data: p.data, Start: p.start, Prior: p.prior, Options: mixture.TrainOptions{
			Tolerance: s.tolerance, MinIterations: s.min, MaxIterations: s.max,
		}}
	}
	compiling := time.Since(began)
	began = time.Now()
	batched, err := trainOn(ctx, first.settings.workshop.pool, o.slot, device, jobs, warn)
	first.devices.noteLost(first.settings, o.plan.Device, err)
	training := time.Since(began)
	told := slices.Clone(warnings) // to those that are done
	if err != nil && ctx.Err() == nil {
		warn(fmt.Sprintf("%s did not train the batch at once, each model was trained by itself: %v", o.plan.Device, err))
	}
	variants := o.plan.Variants()
	runtime.SideBySide(len(batched), func(k int) {
		i, of := group[k], batched[k]
		if b.fits[i] = of.Fit; !of.Whole {
			return
		}
		if err := mixture.Intact(b.prepared[i].data.Events); err != nil {
			b.errs[i], b.fits[i] = err, nil
			return
		}
		b.results[i] = &Result{Plan: o.plan, Compiling: compiling, Training: training, Warnings: slices.Clone(told)}
		b.models[i].finish(b.prepared[i], of.Fit, b.results[i], variants)
		b.models[i].tell(of.Fit, b.prepared[i].summary.EventWeight)
	})
	return ctx.Err()
}

// warnOf adds to the warnings of a model that was trained by itself those of what was tried with others.
func (b *batch) warnOf(i int) {
	r := b.results[i]
	if r == nil {
		return
	}
	own := slices.DeleteFunc(r.Warnings, func(warning string) bool { return slices.Contains(b.warnings[i], warning) })
	r.Warnings = slices.Concat(b.warnings[i], own)
}

// trainOn has a device do jobs at once, with the events that are uploaded ones brought there, if need be, to stay where there is room.
func trainOn(ctx context.Context, p *pool, s *slot, device mixture.Batcher, jobs []mixture.Job, warn func(string)) ([]mixture.Batched, error) {
	data := make([]mixture.Data, len(jobs))
	for k := range jobs {
		data[k] = jobs[k].Data
	}
	loaded, err := onTogether(ctx, p, s, data)
	switch {
	case err == nil:
	case ofTheMachine(err):
		warn(fmt.Sprintf("the events do not stay on %s: %v", device.Name(), err))
	default:
		return nil, err
	}
	for k := range jobs {
		jobs[k].Loaded = loaded[k]
	}
	return device.TrainBatch(ctx, jobs)
}

// tell tells of the progress of a fit that is done.
func (m *Model) tell(fit *mixture.Fit, weight float64) {
	if m.settings.progress == nil {
		return
	}
	for i, total := range fit.History {
		progress := Progress{Iteration: i, LogLikelihood: total}
		if i > 0 {
			progress.Change = (total - fit.History[i-1]) / weight
		}
		m.settings.progress(progress)
	}
}
