// Package dataset reads and writes files of events: N rows of D numbers, one row an event, one column a dimension.
//
// Two formats are read, told apart by the file's extension:
//
//   - .csv: comma-separated text, with or without a header line; see [Read].
//   - .npy: NumPy's array format, versions 1 to 3, of shape (N, D) or (N,), holding float16, float32 or float64.
//
// A file is data from outside: whatever it holds, reading ends in a [Table] or in an [*Error] that names the file and,
// where there is one, the line or row and the column. No claim in a file is believed before it is held against the
// file's size, so memory used is proportional to the input, never to what a header says.
//
// [Map] leaves a large array in its file, mapped into memory, where [Read] copies it.
//
// Results go out through [WriteNpy] and [WriteCSV], to any writer; [Replace] puts them under a path in one step.
package dataset
