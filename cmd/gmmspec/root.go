package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The groups that help lists verbs in.
const (
	groupFit     = "fit"
	groupInspect = "inspect"
	groupTune    = "tune"
	groupTools   = "tools"
)

// usageTemplate words the help of every verb.
const usageTemplate = `Usage:
  {{.UseLine}}
{{- if .HasExample}}

Examples:
{{.Example}}
{{- end}}
{{- $verbs := .Commands}}
{{- range $group := .Groups}}

{{.Title}}
{{- range $verbs}}{{if and (eq .GroupID $group.ID) (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{- end}}
{{- if and .HasAvailableSubCommands (not .Groups)}}

Verbs:
{{- range $verbs}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{- end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{- end}}
{{- if .HasAvailableInheritedFlags}}

Flags of every verb:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}
{{- end}}
`

// suggestionDistance is how many letters a verb may be mistyped by and still be suggested.
const suggestionDistance = 2

// newRoot returns the command with all of its verbs.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "gmmspec VERB",
		Short: "Fit and score Gaussian mixture models with code generated for the job in hand",
		Long: `Fit and score Gaussian mixture models with code generated for the job in hand.

DATA is a .csv file, with or without a header line, a .npy file (float16, float32 or float64),
or - for CSV on standard input: one row an event, one column a dimension.`,
		Example: `  gmmspec train -M 2 -o model.json testdata/data/faithful.csv
  gmmspec predict -m model.json testdata/data/faithful.csv`,
		SilenceErrors: true, SilenceUsage: true,
	}
	if version, err := readVersion(); err == nil {
		root.Version = version.String() // for --version
		root.SetVersionTemplate("{{.Version}}\n")
		root.InitDefaultVersionFlag() // help shows it too
	}
	leadsOn(root)
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(usageTemplate)
	root.AddGroup(
		&cobra.Group{ID: groupFit, Title: "Fit and score:"},
		&cobra.Group{ID: groupInspect, Title: "Look inside:"},
		&cobra.Group{ID: groupTune, Title: "Make it faster:"},
		&cobra.Group{ID: groupTools, Title: "Around it:"},
	)
	root.SetHelpCommandGroupID(groupTools)
	root.SetCompletionCommandGroupID(groupTools)
	shared := &sharedFlags{}
	root.PersistentFlags().Var(&nameFlag{&shared.cacheDir}, "cache-dir",
		"`directory` of compiled kernels (default $GMMSPEC_CACHE, or gmmspec in the user's cache directory)")
	addVerbs(root, groupFit, newTrain(shared), newScore(shared), newPredict(shared))
	addVerbs(root, groupInspect, newExplain(shared), newRender(shared), newCompile(shared), newVariants())
	addVerbs(root, groupTune, newTune(shared), newWisdom(shared), newReport(shared), newWorker(shared))
	addVerbs(root, groupTools, newDoctor(shared), newCache(shared), newVersion())
	root.SetHelpCommand(newHelp())
	addCompletion(root)
	return root
}

// leadsOn makes a command one that does nothing but lead to its verbs.
func leadsOn(c *cobra.Command) {
	c.Args, c.SuggestionsMinimumDistance = wantVerb, suggestionDistance
	c.RunE = func(*cobra.Command, []string) error { return nil } // wantVerb lets nothing through
	c.DisableFlagsInUseLine = true
}

// addCompletion adds cobra's verb for shells, and makes it fail where a shell is not named.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		panic(err)
	}
	completion.Use, completion.Short = "completion SHELL", "Print a script that completes gmmspec's command lines"
	completion.Long = "Print a script that completes gmmspec's command lines in a shell. The help of each shell's verb says how to use it."
	leadsOn(completion)
}

// addVerbs puts verbs into a group of the root's.
func addVerbs(root *cobra.Command, group string, verbs ...*cobra.Command) {
	for _, verb := range verbs {
		verb.GroupID = group
		verb.DisableFlagsInUseLine = true
		root.AddCommand(verb)
	}
}

// wantVerb refuses the arguments of a command that does nothing but lead to its verbs.
func wantVerb(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("a verb is missing")
	}
	text := fmt.Sprintf("unknown verb %q", args[0])
	if similar := c.SuggestionsFor(args[0]); len(similar) > 0 {
		text += ": did you mean " + strings.Join(similar, " or ") + "?"
	}
	return errors.New(text)
}

// flagError reports a flag that could not be read. Behind a verb that there is not, the verb is what is wrong.
func flagError(c *cobra.Command, err error) error {
	if args := c.Flags().Args(); c.HasSubCommands() && len(args) > 0 {
		return wantVerb(c, args)
	}
	return err
}

// wantArguments returns a check that exactly the named arguments are given.
func wantArguments(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return fmt.Errorf("argument %s is missing", names[len(args)])
		}
		if len(args) > len(names) {
			return fmt.Errorf("unexpected argument %q", args[len(names)])
		}
		return nil
	}
}
