// Command gmmspec fits and scores Gaussian mixture models with code generated for the job in hand:
//
//	gmmspec train -M 2 -o model.json faithful.csv
//	gmmspec predict -m model.json faithful.csv
//
// Each verb is a file here; gmmspec help lists them. Results go to standard output, words for people to standard error, and
// the exit status is 0, 1 where the work or the data failed, or 2 where the command was used wrongly.
package main

import (
	"os"
	"runtime/debug"
)

// garbage is how much of it may be for each hundred bytes in use: what is in use is the events, of which garbage should not double the
// memory.
const garbage = 25

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
