package main

import "github.com/spf13/cobra"

func newPredict(shared *sharedFlags) *cobra.Command {
	f := &scoringFlags{shared: shared}
	proba := false
	c := &cobra.Command{
		Use:   "predict -m MODEL.json [flags] DATA",
		Short: "Print the most likely component of each event",
		Long:  "Print the most likely component of each event, a number from 0, one a line; or the probability of every component.",
		Example: `  gmmspec predict -m model.json testdata/data/faithful.csv
  gmmspec predict -m model.json --proba testdata/data/faithful.csv`,
		Args: wantData(), ValidArgsFunction: completeData,
		RunE: func(c *cobra.Command, args []string) error {
			if proba {
				return f.predictProbabilities(c, args[0])
			}
			return f.predict(c, args[0])
		},
	}
	f.add(c)
	c.Flags().BoolVar(&proba, "proba", false, "print the probability of each component: M numbers a line, separated by commas")
	return c
}

// predict prints labels.
func (f *scoringFlags) predict(c *cobra.Command, path string) error {
	model, events, err := f.open(c, path)
	if err != nil {
		return err
	}
	labels, err := model.Predict(c.Context(), events)
	if err != nil {
		return err
	}
	numbers := make([]int64, len(labels))
	for i, label := range labels {
		numbers[i] = int64(label)
	}
	return writeRows(c, f.output, 1, numbers, len(numbers))
}

// predictProbabilities prints responsibilities.
func (f *scoringFlags) predictProbabilities(c *cobra.Command, path string) error {
	model, events, err := f.open(c, path)
	if err != nil {
		return err
	}
	_, probabilities, err := model.Eval(c.Context(), events)
	if err != nil {
		return err
	}
	n, m := probabilities.Dims()
	return writeRows(c, f.output, m, probabilities.RawMatrix().Data, n, m)
}
