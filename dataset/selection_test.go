package dataset

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestSelection(t *testing.T) {
	header := []string{"id", "x", "y", "x", "time-of-day"}
	for list, want := range map[string][]int{
		"":               {0, 1, 2, 3, 4},
		"  ":             {0, 1, 2, 3, 4},
		"2":              {1},
		"5,1":            {4, 0},
		"2-4":            {1, 2, 3},
		"4-4, 1-2":       {3, 0, 1},
		" y , id ":       {2, 0},
		"time-of-day,02": {4, 1},
	} {
		selection, err := ParseSelection(list)
		if err != nil {
			t.Errorf("ParseSelection(%q): %v", list, err)
			continue
		}
		got, err := selection.resolve(header, len(header))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q selects %v (error %v), want %v", list, got, err, want)
		}
	}
}

func TestParseSelectionRefuses(t *testing.T) {
	for list, mention := range map[string]string{
		"0":                      "count from 1",
		"3-2":                    "a range goes up",
		"0-2":                    "count from 1",
		"1,,2":                   "empty",
		"x,":                     "empty",
		"-1":                     `"-1"`,
		"1.5":                    `"1.5"`,
		"nan":                    `"nan"`,
		"99999999999999999999":   "99999999999999999999",
		"1-99999999999999999999": "count from 1",
	} {
		_, err := ParseSelection(list)
		if !errors.Is(err, ErrSelection) {
			t.Errorf("ParseSelection(%q) = %v, want an ErrSelection", list, err)
			continue
		}
		for _, part := range []string{mention, "dataset: column selection: "} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("ParseSelection(%q) says %q, without %q", list, err, part)
			}
		}
	}
}

func TestSelectionRefusesWhatIsNotThere(t *testing.T) {
	header := []string{"id", "x", "y", "x", "time"}
	for _, test := range []struct {
		list    string
		header  []string
		mention string
	}{
		{"6", header, "no column 6; the file has columns 1 to 5, and its first line is id, x, y, x, time"},
		{"1-1000000000000", header, "no column 1000000000000"},
		{"z", header, `no column named "z"`},
		{"X", header, "id, x, y, x, time"},
		{"x", header, "columns 2 and 4 are both named"},
		{"y,3", header, "column 3 is asked for twice"},
		{"1-3,2-5", header, "column 2 is asked for twice"},
		{"y", nil, "columns 1 to 5, without names"},
	} {
		selection, err := ParseSelection(test.list)
		if err != nil {
			t.Fatal(err)
		}
		_, err = selection.resolve(test.header, 5)
		if !errors.Is(err, ErrSelection) || !strings.Contains(err.Error(), test.mention) {
			t.Errorf("%q: error %v, want an ErrSelection with %q", test.list, err, test.mention)
		}
	}
}

func TestSelectionErrorIsBounded(t *testing.T) {
	wide := slices.Repeat([]string{"name"}, 10000)
	selection, err := ParseSelection("other")
	if err != nil {
		t.Fatal(err)
	}
	_, err = selection.resolve(wide, len(wide))
	if text := err.Error(); strings.Count(text, "name,") > maxListed || !strings.HasSuffix(text, ", ...") {
		t.Errorf("the error lists more than %d columns: %s", maxListed, text)
	}
}
