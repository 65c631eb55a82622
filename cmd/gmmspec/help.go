package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// newHelp returns the verb help, which unlike cobra's own fails for a verb that there is not.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use: "help [VERB]", Short: "Say how a verb is used", GroupID: groupTools, DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			verb, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return misuse("unknown verb %q", strings.Join(args, " "))
			}
			verb.InitDefaultHelpFlag()
			return verb.Help()
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if parent, rest, err := c.Root().Find(args); err == nil && len(rest) == 0 {
				for _, verb := range parent.Commands() {
					names = append(names, cobra.CompletionWithDesc(verb.Name(), verb.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}
