package variants

import (
	"fmt"
	"strconv"
	"strings"
)

// Tunable is a choice that a variant leaves open.
type Tunable struct {
	Name   string // one word
	Doc    string
	Values []int // in order of preference
}

// Config is the values of a variant's tunables, in the row's order.
type Config []Setting

// Setting is one tunable's value.
type Setting struct {
	Name  string `json:"name"`
	Value int    `json:"value"`
}

// Value returns the value of the tunable name, 0 where there is none.
func (c Config) Value(name string) int {
	for _, s := range c {
		if s.Name == name {
			return s.Value
		}
	}
	return 0
}

// String gives the settings as "tile=64,threads=256", or "" for none.
func (c Config) String() string {
	parts := make([]string, len(c))
	for i, s := range c {
		parts[i] = s.Name + "=" + strconv.Itoa(s.Value)
	}
	return strings.Join(parts, ",")
}

// ParseConfig is the inverse of [Config.String] for the tunables of v.
func (v Variant) ParseConfig(text string) (Config, error) {
	var config Config
	parts := strings.Split(text, ",")
	if text == "" {
		parts = nil
	}
	if len(parts) != len(v.Tunables) {
		return nil, fmt.Errorf("variants: %s: %q has %d settings: want %d", v.Name(), text, len(parts), len(v.Tunables))
	}
	for i, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		number, err := strconv.Atoi(value)
		if name != v.Tunables[i].Name || err != nil || strconv.Itoa(number) != value {
			return nil, fmt.Errorf("variants: %s: setting %q: want %s=NUMBER", v.Name(), part, v.Tunables[i].Name)
		}
		config = append(config, Setting{name, number})
	}
	return config, nil
}

// Configs lists every assignment of v's tunables, the most preferred first.
func (v Variant) Configs() []Config {
	all := []Config{nil}
	for _, t := range v.Tunables {
		var longer []Config
		for _, c := range all {
			for _, value := range t.Values {
				longer = append(longer, append(append(Config(nil), c...), Setting{t.Name, value}))
			}
		}
		all = longer
	}
	return all
}
