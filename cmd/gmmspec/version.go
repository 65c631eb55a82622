package main

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  wantArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return errors.New("this program was built without a record of its version")
			}
			fmt.Fprintln(c.OutOrStdout(), versionText(info))
			return nil
		},
	}
}

// versionText words what the build recorded.
func versionText(info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	text := fmt.Sprintf("gmmspec %s, %s, %s/%s", info.Main.Version, info.GoVersion, settings["GOOS"], settings["GOARCH"])
	if revision := settings["vcs.revision"]; revision != "" {
		text += ", commit " + revision
	}
	if settings["vcs.modified"] == "true" {
		text += " with changes"
	}
	return text
}
