package dataset

import (
	"fmt"
	"strconv"
	"strings"
)

// Selection says which columns of a file to read, and in which order. Its zero value is all of them, as they stand.
type Selection struct{ items []selected }

// selected is one item of a selection: a name, or the columns first to last, counted from 1.
type selected struct {
	name        string
	first, last int
}

// ParseSelection reads a list of columns separated by commas. An item is a column's number, counted from 1, a range
// of numbers such as 1-13, or a name from the file's header, which may be anything that is not itself a number. The
// empty list selects every column.
func ParseSelection(list string) (Selection, error) {
	if strings.TrimSpace(list) == "" {
		return Selection{}, nil
	}
	var s Selection
	for text := range strings.SplitSeq(list, ",") {
		item, err := parseSelected(strings.TrimSpace(text))
		if err != nil {
			return Selection{}, fmt.Errorf("dataset: %w", err)
		}
		s.items = append(s.items, item)
	}
	return s, nil
}

func parseSelected(text string) (selected, error) {
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	if isDigits(from) && isDigits(to) {
		first, errFirst := strconv.Atoi(from)
		last, errLast := strconv.Atoi(to)
		if errFirst != nil || errLast != nil || first < 1 || last < first {
			return selected{}, fmt.Errorf("%w: %q: numbers count from 1, and a range goes up", ErrSelection, text)
		}
		return selected{first: first, last: last}, nil
	}
	if text == "" {
		return selected{}, fmt.Errorf("%w: an item of the list is empty", ErrSelection)
	}
	if isNumber(text) {
		return selected{}, fmt.Errorf("%w: %q is neither a column's number nor a name", ErrSelection, text)
	}
	return selected{name: text}, nil
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// resolve turns the selection into indices counted from 0, for a file of the given number of columns whose first line
// is header (nil for a format without one).
func (s Selection) resolve(header []string, columns int) ([]int, error) {
	if s.items == nil {
		all := make([]int, columns)
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	var indices []int
	taken := make([]bool, columns)
	for _, item := range s.items {
		first, last, err := item.find(header, columns)
		if err != nil {
			return nil, err
		}
		for column := first; column <= last; column++ {
			if taken[column-1] {
				return nil, fmt.Errorf("%w: column %d is asked for twice", ErrSelection, column)
			}
			taken[column-1] = true
			indices = append(indices, column-1)
		}
	}
	return indices, nil
}

// find returns the columns the item stands for, counted from 1.
func (i selected) find(header []string, columns int) (first, last int, err error) {
	if i.name == "" {
		if i.last > columns {
			return 0, 0, fmt.Errorf("%w: no column %d; %s", ErrSelection, i.last, describeColumns(header, columns))
		}
		return i.first, i.last, nil
	}
	found := 0
	for index, name := range header {
		if name != i.name {
			continue
		}
		if found > 0 {
			return 0, 0, fmt.Errorf("%w: columns %d and %d are both named %q; select by number",
				ErrSelection, found, index+1, i.name)
		}
		found = index + 1
	}
	if found == 0 {
		return 0, 0, fmt.Errorf("%w: no column named %.*q; %s",
			ErrSelection, maxQuoted, i.name, describeColumns(header, columns))
	}
	return found, found, nil
}

// maxListed bounds the columns named in an error: a screenful.
const maxListed = 64

// describeColumns says what there is to select from. The first line is shown as it stands, because a file may turn out
// to have no header.
func describeColumns(header []string, columns int) string {
	if header == nil {
		return fmt.Sprintf("the file has columns 1 to %d, without names", columns)
	}
	shown, more := header, ""
	if len(header) > maxListed {
		shown, more = header[:maxListed], ", ..."
	}
	names := make([]string, len(shown))
	for i, name := range shown {
		names[i] = clip(name)
	}
	return fmt.Sprintf("the file has columns 1 to %d, and its first line is %s%s", columns, strings.Join(names, ", "), more)
}
