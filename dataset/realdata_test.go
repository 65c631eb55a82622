package dataset

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

const realData = "../testdata/data"

func readReal(t *testing.T, name, columns string) *Table {
	t.Helper()
	selection, err := ParseSelection(columns)
	if err != nil {
		t.Fatal(err)
	}
	table, err := Read(filepath.Join(realData, name), Options{Columns: selection})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// The README names every data file there is, with the digest it has.
func TestRealDataDigests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(realData, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]string)
	for _, line := range regexp.MustCompile(`(?m)^    ([0-9a-f]{64})  (\S+)$`).FindAllStringSubmatch(string(text), -1) {
		listed[line[2]] = line[1]
	}
	found := 0
	for _, pattern := range []string{"*.csv", "*.npy"} {
		paths, err := filepath.Glob(filepath.Join(realData, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			found++
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if digest := fmt.Sprintf("%x", sha256.Sum256(content)); listed[filepath.Base(path)] != digest {
				t.Errorf("%s has the digest %s, and the README %q", path, digest, listed[filepath.Base(path)])
			}
		}
	}
	if found == 0 || found != len(listed) {
		t.Errorf("%d data files, and the README lists %d", found, len(listed))
	}
}

func TestFaithful(t *testing.T) {
	table := readReal(t, "faithful.csv", "")
	if table.Rows != 272 || !slices.Equal(table.Names, []string{"eruptions", "waiting"}) {
		t.Errorf("%d rows of %v", table.Rows, table.Names)
	}
	if first := []float64{3.6, 79, 1.8, 54, 3.333, 74}; !slices.Equal(table.Float64[:6], first) {
		t.Errorf("begins with %v, want %v", table.Float64[:6], first)
	}
}

func TestIris(t *testing.T) {
	table := readReal(t, "iris.csv", "1-4")
	if table.Rows != 150 || !slices.Equal(table.Names, []string{"sepal_length", "sepal_width", "petal_length", "petal_width"}) {
		t.Errorf("%d rows of %v", table.Rows, table.Names)
	}
	// The 35th and 38th flower are those the UCI copy has wrong; these are Fisher's.
	for row, want := range map[int][]float64{34: {4.9, 3.1, 1.5, 0.2}, 37: {4.9, 3.6, 1.4, 0.1}} {
		if got := table.Float64[4*row : 4*row+4]; !slices.Equal(got, want) {
			t.Errorf("flower %d is %v, want %v", row+1, got, want)
		}
	}
}

func TestDigits(t *testing.T) {
	table := readReal(t, "digits.npy", "")
	if table.Rows != 1797 || table.Columns != 64 || table.Float32 == nil {
		t.Fatalf("%d x %d, float32: %v", table.Rows, table.Columns, table.Float32 != nil)
	}
	var constant []int
	for column := range table.Columns {
		same := true
		for row := range table.Rows {
			pixel := table.Float32[row*table.Columns+column]
			if pixel < 0 || pixel > 16 || pixel != float32(int(pixel)) {
				t.Fatalf("pixel %d of image %d is %v", column+1, row+1, pixel)
			}
			same = same && pixel == table.Float32[column]
		}
		if same {
			constant = append(constant, column+1)
		}
	}
	if !slices.Equal(constant, []int{1, 33, 40}) {
		t.Errorf("columns %v are constant", constant)
	}
}

// The numbers of utterances are those of the repository's description of the set.
func TestJapaneseVowels(t *testing.T) {
	frames := readReal(t, "japanese-vowels.csv", "3-14")
	if frames.Rows != 9961 || frames.Columns != 12 || frames.Names[0] != "c1" || frames.Names[11] != "c12" {
		t.Errorf("%d x %d, columns %v", frames.Rows, frames.Columns, frames.Names)
	}
	labels := readReal(t, "japanese-vowels.csv", "speaker,utterance")
	const trained = 270
	var training, test [9]int // utterances of each speaker
	lengths := make(map[int]int)
	trainingFrames := 0
	for row := range labels.Rows {
		speaker, utterance := int(labels.Float64[2*row]), int(labels.Float64[2*row+1])
		if utterance <= trained {
			trainingFrames++
		}
		if lengths[utterance]++; lengths[utterance] > 1 {
			continue
		}
		if utterance <= trained {
			training[speaker-1]++
		} else {
			test[speaker-1]++
		}
	}
	if training != [9]int{30, 30, 30, 30, 30, 30, 30, 30, 30} || test != [9]int{31, 35, 88, 44, 29, 24, 40, 50, 29} {
		t.Errorf("utterances a speaker: training %v, test %v", training, test)
	}
	if trainingFrames != 4274 || len(lengths) != 640 {
		t.Errorf("%d frames for training and %d utterances", trainingFrames, len(lengths))
	}
	for utterance, length := range lengths {
		if length < 7 || length > 29 {
			t.Errorf("utterance %d has %d frames", utterance, length)
		}
	}
}
