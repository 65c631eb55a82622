package dataset

// Table is a matrix of Rows events by Columns dimensions, stored row by row: the value of event i and dimension j is
// at index i*Stride + j. Exactly one of Float32 and Float64 is non-nil, and it ends with the last event: files of
// float16 and float32 give Float32, files of float64 and text give Float64. Every value is finite, or NaN where
// [Options] allows missing values.
type Table struct {
	Rows, Columns int
	Stride        int      // between the beginnings of two events; 0 stands for Columns, as of every table in memory
	Names         []string // the columns' names, or nil for a file without a header
	Float32       []float32
	Float64       []float64
	Source        string   // the path as given, or "standard input"
	Mapping       *Mapping // where the values lie, nil for memory; without it they must not be used
}
