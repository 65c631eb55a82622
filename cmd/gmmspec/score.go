package main

import "github.com/spf13/cobra"

func newScore(shared *sharedFlags) *cobra.Command {
	f := &scoringFlags{shared: shared}
	c := &cobra.Command{
		Use:   "score -m MODEL.json [flags] DATA",
		Short: "Print the log-likelihood of each event",
		Long:  "Print log p(x) of each event under a model, in nats, one a line.",
		Example: `  gmmspec score -m model.json testdata/data/faithful.csv
  gmmspec score -m model.json -o scores.npy testdata/data/faithful.csv`,
		Args: wantData(), ValidArgsFunction: completeData,
		RunE: func(c *cobra.Command, args []string) error {
			model, events, err := f.open(c, args[0])
			if err != nil {
				return err
			}
			scores, err := model.Score(c.Context(), events)
			if err != nil {
				return err
			}
			return writeRows(c, f.output, 1, scores, len(scores))
		},
	}
	f.add(c)
	return c
}
