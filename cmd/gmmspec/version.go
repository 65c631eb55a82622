package main

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionJSON is what version --json prints.
type versionJSON struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	Commit   string `json:"commit"`   // "" where the build did not record it
	Modified bool   `json:"modified"` // the build had changes that were not committed
}

func newVersion() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "version [flags]",
		Short: "Print the version of this program",
		Args:  wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			version, err := readVersion()
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(c.OutOrStdout(), version)
			}
			fmt.Fprintln(c.OutOrStdout(), version)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead")
	return c
}

// readVersion returns what the build recorded.
func readVersion() (versionJSON, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return versionJSON{}, errors.New("this program was built without a record of its version")
	}
	return versionOf(info), nil
}

// versionOf returns what the build recorded.
func versionOf(info *debug.BuildInfo) versionJSON {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	return versionJSON{
		Version: info.Main.Version, Go: info.GoVersion, OS: settings["GOOS"], Arch: settings["GOARCH"],
		Commit: settings["vcs.revision"], Modified: settings["vcs.modified"] == "true",
	}
}

// String words a version.
func (v versionJSON) String() string {
	text := fmt.Sprintf("gmmspec %s, %s, %s/%s", v.Version, v.Go, v.OS, v.Arch)
	if v.Commit != "" {
		text += ", commit " + v.Commit
	}
	if v.Modified {
		text += " with changes"
	}
	return text
}
