package isolate_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gmmspec/gmmspec/internal/isolate"
)

// ranVariable tells the process of a test which file to leave behind.
const ranVariable = "GMMSPEC_ISOLATE_RAN"

func TestAlone(t *testing.T) {
	ran := os.Getenv(ranVariable)
	if ran == "" {
		ran = filepath.Join(t.TempDir(), "ran")
		t.Setenv(ranVariable, ran)
	}
	if isolate.Alone(t) {
		if err := os.WriteFile(ran, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if _, err := os.Stat(ran); err != nil {
		t.Errorf("did not run again: %v", err)
	}
}
