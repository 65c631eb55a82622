package gmmspec

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/gmmspec/gmmspec/autotune"
	"github.com/gmmspec/gmmspec/specializer"
	"github.com/gmmspec/gmmspec/variants"
)

// wisdomFile is the name of the file of wisdom, in the directory of the cache.
const wisdomFile = "wisdom.jsonl"

// Wisdom is what tuning has learned.
type Wisdom = autotune.Wisdom

// ReadWisdom reads what Wisdom.WriteTo writes, all of it or nothing: an error names the line.
func ReadWisdom(r io.Reader) (*Wisdom, error) { return autotune.ReadWisdom(r) }

// TrialRecord is what it has learned of one kernel.
type TrialRecord = autotune.Record

// WisdomStore is wisdom in a file.
type WisdomStore = autotune.Store

// OpenWisdom returns the store of wisdom in a cache's directory, which need not be there yet; "" stands for the default.
func OpenWisdom(cacheDir string) (WisdomStore, error) {
	c, err := OpenCache(cacheDir)
	if err == nil {
		return autotune.Store{Path: filepath.Join(c.Path(), wisdomFile)}, c.Close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
		if cacheDir == "" {
			cacheDir, err = CacheDir()
		}
	}
	return autotune.Store{Path: filepath.Join(cacheDir, wisdomFile)}, err
}

// wisdomStore returns the store of wisdom in a cache's directory, "" for the default. A directory that is not trusted with code
// is not trusted to say which code runs.
func (w *workshop) wisdomStore(dir string) (autotune.Store, error) {
	store, err := w.openCache(dir)
	if err != nil {
		return autotune.Store{}, err
	}
	return autotune.Store{Path: filepath.Join(store.Path(), wisdomFile)}, nil
}

// loadWisdom returns what a store holds, read once.
func (w *workshop) loadWisdom(dir string) (*autotune.Wisdom, error) {
	store, err := w.wisdomStore(dir)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if r, ok := w.wisdom[dir]; ok {
		return r.wisdom, r.err
	}
	r := &wisdomResult{}
	r.wisdom, r.err = store.Load()
	w.wisdom[dir] = r
	return r.wisdom, r.err
}

// forgetWisdom has wisdom read again.
func (w *workshop) forgetWisdom() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.wisdom)
}

// digest returns the digest of a unit's source, rendered once.
func (w *workshop) digest(u specializer.Unit) (string, bool) {
	key := unitKey{u.Target, u.Problem, u.Variant.Name(), u.Config.String()}
	w.mu.Lock()
	digest, ok := w.digests[key]
	w.mu.Unlock()
	if ok {
		return digest, true
	}
	digest, err := sourceDigest(u)
	if err != nil {
		return "", false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.digests[key] = digest
	return digest, true
}

// unitKey tells units apart.
type unitKey struct {
	target          variants.Target
	problem         variants.Problem
	variant, config string
}

// known returns what wisdom has of candidates on a device: times of the very kernels that would be compiled now, scaled to the
// problem's events.
func (c *chooser) known(t variants.Target, e autotune.Environment) func(variants.Problem, variants.Candidate) (autotune.Timing, bool) {
	w := c.settings.workshop
	var sources []*autotune.Wisdom
	if _, err := w.openCache(c.settings.cacheDir); err == nil { // in a directory that is not trusted nothing is read
		own, err := w.loadWisdom(c.settings.cacheDir)
		if err != nil {
			c.warn("what was measured is not used: " + err.Error())
		} else {
			sources = append(sources, own)
		}
	}
	return func(p variants.Problem, candidate variants.Candidate) (timing autotune.Timing, ok bool) {
		variant, config := candidate.Variant.Name(), candidate.Config.String()
		all := sources
		if shipped := autotune.Shipped(e, p.D); shipped != nil {
			all = append(slices.Clone(sources), shipped)
		}
		for _, wisdom := range all {
			for _, r := range wisdom.Ask(autotune.Ask(p, candidate.Variant.Stage)) {
				if r.Variant != variant || r.Config != config || r.Model() != e.Model() {
					continue
				}
				trusted := r.Environment == e
				if ok && (timing.Trusted || !trusted) || !r.Timed() && !trusted {
					continue
				}
				if digest, rendered := w.digest(unit(p, t, candidate)); !rendered || digest != r.Source {
					continue
				}
				timing, ok = autotune.Timing{Seconds: r.Seconds * float64(max(1, p.N)) / float64(r.Problem.N), Trusted: trusted}, true
				if !r.Timed() {
					timing.Failed = string(r.Outcome) + ", " + r.Reason
				}
			}
		}
		return timing, ok
	}
}

// ImportWisdom adds the records that r holds to those of a cache's directory ("" for the default), but for those of which there is a
// newer one of the kernel as it is now; nothing, where one is bad. It returns how many it added, and how many it did not.
func ImportWisdom(cacheDir string, r io.Reader) (added, older int, err error) {
	imported, err := ReadWisdom(r)
	if err != nil {
		return 0, 0, err
	}
	err = updateWisdom(cacheDir, func(w *Wisdom) {
		for _, r := range imported.Records() {
			if have, ok := w.Get(r.Key()); ok && have.Date.After(r.Date) && !StaleTrial(have) {
				older++
				continue
			}
			added++
			w.Add(r)
		}
	})
	return added, older, err
}

// ForgetWisdom drops the records of a cache's directory that match, such as [StaleTrial], and returns how many.
func ForgetWisdom(cacheDir string, match func(TrialRecord) bool) (forgotten int, err error) {
	err = updateWisdom(cacheDir, func(w *Wisdom) { forgotten = w.Forget(match) })
	return forgotten, err
}

// StaleWisdom returns the records of kernels that have changed since, and how many there are in all.
func StaleWisdom(cacheDir string) (stale []TrialRecord, all int, err error) {
	store, err := OpenWisdom(cacheDir)
	if err != nil {
		return nil, 0, err
	}
	w, err := store.Load()
	if err != nil {
		return nil, 0, err
	}
	for _, r := range w.Records() {
		if StaleTrial(r) {
			stale = append(stale, r)
		}
	}
	return stale, w.Len(), nil
}

// StaleTrial reports whether a record is of another kernel than its candidate has now.
func StaleTrial(r TrialRecord) bool {
	candidate, err := candidateOf(r.Backend, r.Variant, r.Config)
	if err != nil {
		return true
	}
	target := ccTarget()
	if r.Backend == variants.CUDA {
		if target, err = variants.CUDAArch(r.Arch); err != nil {
			return true
		}
	}
	digest, err := sourceDigest(unit(r.Problem, target, candidate))
	return err != nil || digest != r.Source
}

// updateWisdom changes the wisdom of a cache's directory.
func updateWisdom(cacheDir string, change func(*Wisdom)) error {
	store, err := OpenWisdom(cacheDir)
	if err != nil {
		return err
	}
	defer processWorkshop().forgetWisdom()
	return store.Update(func(w *Wisdom) error {
		change(w)
		return nil
	})
}
