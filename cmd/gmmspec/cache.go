package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gmmspec/gmmspec"
	"github.com/spf13/cobra"
)

func newCache(shared *sharedFlags) *cobra.Command {
	c := &cobra.Command{
		Use:   "cache VERB",
		Short: "Look after the cache of compiled kernels",
	}
	leadsOn(c)
	c.AddCommand(newCachePath(shared), newCacheList(shared), newCacheVerify(shared), newCachePrune(shared), newCacheClear(shared))
	return c
}

func newCachePath(shared *sharedFlags) *cobra.Command {
	return &cobra.Command{
		Use: "path", Short: "Print the cache's directory", Args: wantArguments(), DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := shared.cachePath()
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), dir)
			return nil
		},
	}
}

// cachePath returns the cache's directory, be it there or not.
func (s *sharedFlags) cachePath() (string, error) {
	if s.cacheDir != "" {
		return s.cacheDir, nil
	}
	return gmmspec.CacheDir()
}

// openCache opens the cache that is there, or says that there is none and returns nil, which is a cache without entries.
func (s *sharedFlags) openCache(c *cobra.Command) (*gmmspec.Cache, error) {
	cache, err := gmmspec.OpenCache(s.cacheDir)
	if !errors.Is(err, fs.ErrNotExist) {
		return cache, err
	}
	dir, err := s.cachePath()
	if err == nil {
		fmt.Fprintf(c.ErrOrStderr(), "gmmspec: there is no cache in %s\n", printable(dir))
	}
	return nil, err
}

// entryJSON is what cache list says of an entry.
type entryJSON struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Arch     string    `json:"arch,omitempty"`
	Variant  string    `json:"variant"`
	Problem  string    `json:"problem"`
	Bytes    int64     `json:"bytes"`
	LastRead time.Time `json:"last_read"`
	Defect   string    `json:"defect,omitempty"` // and then of what is above only the id, bytes and last_read are known
}

func newCacheList(shared *sharedFlags) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use: "list [flags]", Short: "List the entries, the most recently read first", Args: wantArguments(), DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, _ []string) error {
			cache, err := shared.openCache(c)
			if err != nil {
				return err
			}
			defer cache.Close()
			entries, err := cacheEntries(cache)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(c.OutOrStdout(), entries)
			}
			writeEntries(c.OutOrStdout(), entries)
			if cache != nil && len(entries) == 0 {
				fmt.Fprintf(c.ErrOrStderr(), "gmmspec: nothing is in %s\n", printable(cache.Path()))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON list instead")
	return c
}

// cacheEntries lists a cache.
func cacheEntries(cache *gmmspec.Cache) ([]entryJSON, error) {
	infos, err := cache.List()
	if err != nil {
		return nil, err
	}
	entries := make([]entryJSON, len(infos))
	for i, info := range infos {
		e := &entries[i]
		*e = entryJSON{
			ID: info.ID.String(), Kind: info.Kind, Variant: info.Meta["variant"], Problem: info.Meta["problem"],
			Bytes: info.Bytes, LastRead: info.LastRead,
		}
		for _, input := range info.Inputs {
			if input.Name == "arch" {
				e.Arch = input.Value
			}
		}
		if info.Defect != nil {
			e.Defect = oneLine(info.Defect)
		}
	}
	return entries, nil
}

// writeEntries prints a line an entry.
func writeEntries(w io.Writer, entries []entryJSON) {
	table := tabwriter.NewWriter(w, 0, 0, columnGap, ' ', 0)
	for _, e := range entries {
		what := strings.TrimSpace(e.Kind+" "+e.Arch) + "\t" + e.Variant + "\t" + e.Problem
		if e.Defect != "" {
			what = e.Defect
		}
		fmt.Fprintf(table, "%s\t%d bytes\t%s\n", e.LastRead.Format(time.DateTime), e.Bytes, what)
	}
	table.Flush()
}

func newCacheVerify(shared *sharedFlags) *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Read every entry, and remove those that are damaged", DisableFlagsInUseLine: true,
		Long: "Read every entry, and remove those that are damaged: they fail this verb, but never a fit.",
		Args: wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			cache, err := shared.openCache(c)
			if err != nil {
				return err
			}
			defer cache.Close()
			report, err := cache.Verify()
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%d entries of %d bytes read, %d damaged\n", report.Entries, report.Bytes, len(report.Bad))
			for _, bad := range report.Bad {
				outcome := "removed"
				if !bad.Reason.Removable() {
					outcome = "left as it is"
				}
				fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", outcome, oneLine(bad))
			}
			if len(report.Bad) > 0 {
				return fmt.Errorf("%s: %d of %d entries were damaged", cache.Path(), len(report.Bad), report.Entries)
			}
			return nil
		},
	}
}

func newCachePrune(shared *sharedFlags) *cobra.Command {
	limits := gmmspec.CacheLimits{MaxBytes: gmmspec.DefaultCacheBytes}
	c := &cobra.Command{
		Use: "prune [flags]", Short: "Remove what was read longest ago", DisableFlagsInUseLine: true,
		Long:    "Remove entries beyond the limits, those read longest ago first, and what crashed processes left behind.",
		Example: "  gmmspec cache prune --max-bytes 100000000 --max-age 720h",
		Args:    wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			if limits.MaxAge < 0 {
				return misuse("--max-age: want at least 0")
			}
			cache, err := shared.openCache(c)
			if err != nil {
				return err
			}
			defer cache.Close()
			removed, err := cache.Prune(limits)
			writeRemoved(c.OutOrStdout(), removed.Entries, removed.Bytes)
			return err
		},
	}
	c.Flags().Var(&bytesFlag{&limits.MaxBytes}, "max-bytes", "keep this `number` of bytes; 0 sets no limit")
	c.Flags().DurationVar(&limits.MaxAge, "max-age", 0, "keep what was read within this `duration`, such as 720h; 0 sets no limit")
	return c
}

func newCacheClear(shared *sharedFlags) *cobra.Command {
	return &cobra.Command{
		Use: "clear", Short: "Remove every entry", Args: wantArguments(), DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, _ []string) error {
			cache, err := shared.openCache(c)
			if err != nil {
				return err
			}
			defer cache.Close()
			removed, err := cache.Clear()
			writeRemoved(c.OutOrStdout(), removed.Entries, removed.Bytes)
			return err
		},
	}
}

// writeRemoved says what was removed.
func writeRemoved(w io.Writer, entries int, bytes int64) {
	fmt.Fprintf(w, "%d entries of %d bytes removed\n", entries, bytes)
}
