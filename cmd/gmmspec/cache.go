package main

import (
	"fmt"
	"io"
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
			dir := shared.cacheDir
			if dir == "" {
				var err error
				if dir, err = gmmspec.CacheDir(); err != nil {
					return err
				}
			}
			fmt.Fprintln(c.OutOrStdout(), dir)
			return nil
		},
	}
}

func newCacheList(shared *sharedFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the entries, the most recently read first", Args: wantArguments(), DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, _ []string) error {
			cache, err := gmmspec.OpenCache(shared.cacheDir)
			if err != nil {
				return err
			}
			entries, err := cache.List()
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, columnGap, ' ', 0)
			for _, e := range entries {
				what := e.Kind
				for _, input := range e.Inputs {
					if input.Name == "arch" {
						what += " " + input.Value
					}
				}
				what += "\t" + e.Meta["variant"] + "\t" + e.Meta["problem"]
				if e.Defect != nil {
					what = line(e.Defect.Error())
				}
				fmt.Fprintf(table, "%s\t%d bytes\t%s\n", e.LastRead.Format(time.DateTime), e.Bytes, what)
			}
			return table.Flush()
		},
	}
}

func newCacheVerify(shared *sharedFlags) *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Read every entry, and remove those that are damaged", DisableFlagsInUseLine: true,
		Long: "Read every entry, and remove those that are damaged: they fail this verb, but never a fit.",
		Args: wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			cache, err := gmmspec.OpenCache(shared.cacheDir)
			if err != nil {
				return err
			}
			report, err := cache.Verify()
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%d entries of %d bytes read, %d damaged\n", report.Entries, report.Bytes, len(report.Bad))
			for _, bad := range report.Bad {
				fmt.Fprintln(c.OutOrStdout(), oneLine(bad))
			}
			if len(report.Bad) > 0 {
				return fmt.Errorf("%s: %d of %d entries were damaged", cache.Path(), len(report.Bad), report.Entries)
			}
			return nil
		},
	}
}

func newCachePrune(shared *sharedFlags) *cobra.Command {
	limits := gmmspec.CacheLimits{}
	c := &cobra.Command{
		Use: "prune [flags]", Short: "Remove what was read longest ago", DisableFlagsInUseLine: true,
		Long:    "Remove entries beyond the limits, those read longest ago first, and what crashed processes left behind.",
		Example: "  gmmspec cache prune --max-bytes 100000000 --max-age 720h",
		Args:    wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			if limits.MaxBytes < 0 || limits.MaxAge < 0 {
				return misuse("--max-bytes and --max-age: want at least 0")
			}
			cache, err := gmmspec.OpenCache(shared.cacheDir)
			if err != nil {
				return err
			}
			removed, err := cache.Prune(limits)
			writeRemoved(c.OutOrStdout(), removed.Entries, removed.Bytes)
			return err
		},
	}
	c.Flags().Int64Var(&limits.MaxBytes, "max-bytes", gmmspec.DefaultCacheBytes, "keep this `number` of bytes; 0 sets no limit")
	c.Flags().DurationVar(&limits.MaxAge, "max-age", 0, "keep what was read within this `duration`, such as 720h; 0 sets no limit")
	return c
}

func newCacheClear(shared *sharedFlags) *cobra.Command {
	return &cobra.Command{
		Use: "clear", Short: "Remove every entry", Args: wantArguments(), DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, _ []string) error {
			cache, err := gmmspec.OpenCache(shared.cacheDir)
			if err != nil {
				return err
			}
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
