package mixture_test

import (
	"math"
	"testing"

	"github.com/gmmspec/gmmspec/internal/compare"
	"github.com/gmmspec/gmmspec/mixture"
	"gonum.org/v1/gonum/mat"
)

// read returns all events.
func read(e mixture.Events) []float64 {
	dst := make([]float64, e.Len()*e.Dims())
	e.Read(dst, 0)
	return dst
}

// TestRows: 0 to 7 are three events of two with a stride of three, where the last ends with the data.
func TestRows(t *testing.T) {
	data := []float64{0, 1, 2, 3, 4, 5, 6, 7}
	narrow := make([]float32, len(data))
	for i, v := range data {
		narrow[i] = float32(v)
	}
	wide, err := mixture.Float64(data, 3, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	small, err := mixture.Float32(narrow, 3, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, events := range []mixture.Events{wide, small} {
		if events.Len() != 3 || events.Dims() != 2 {
			t.Errorf("got %d events of %d, want 3 of 2", events.Len(), events.Dims())
		}
		compare.Exact().Check(t, compare.Bits("events", read(events), []float64{0, 1, 3, 4, 6, 7}))
		two := make([]float64, 4)
		events.Read(two, 1)
		compare.Exact().Check(t, compare.Bits("events 1 and 2", two, []float64{3, 4, 6, 7}))
	}
	data[0] = 9
	if read(wide)[0] != 9 {
		t.Error("the events are a copy")
	}
}

func TestRowsStrideOfZero(t *testing.T) {
	events, err := mixture.Float32([]float32{1, 2, 3, 4, 5}, 2, 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	compare.Exact().Check(t, compare.Bits("events", read(events), []float64{1, 2, 3, 4}))
}

// TestRowsRefuse gives 7 numbers.
func TestRowsRefuse(t *testing.T) {
	for _, test := range []struct {
		n, d, stride int
		want         string
	}{
		{0, 2, 0, "n is 0"},
		{-1, 2, 0, "n is -1"},
		{1, 0, 0, "d is 0"},
		{1, 2, 1, "stride 1 is less than d = 2"},
		{1, 2, -2, "stride -2 is less"},
		{1, 8, 0, "7 numbers do not hold 1 events of 8"},
		{4, 2, 0, "7 numbers do not hold 4 events of 2 with stride 2"},
		{3, 2, 3, "7 numbers do not hold 3 events of 2 with stride 3"},
		{math.MaxInt, 2, 2, "do not hold"},
		{3, 2, math.MaxInt, "do not hold"},
		{math.MaxInt, math.MaxInt, 0, "do not hold"},
	} {
		_, err := mixture.Float64(make([]float64, 7), test.n, test.d, test.stride)
		wantError(t, err, "mixture: events: ", test.want)
		_, err = mixture.Float32(make([]float32, 7), test.n, test.d, test.stride)
		wantError(t, err, "mixture: events: ", test.want)
	}
	_, err := mixture.Float64(nil, 1, 1, 0)
	wantError(t, err, "0 numbers do not hold")
}

// TestMatrixEvents: dense matrices and their parts are viewed where they lie, others are read.
func TestMatrixEvents(t *testing.T) {
	dense := mat.NewDense(3, 3, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8})
	for _, test := range []struct {
		name string
		m    mat.Matrix
		rows bool
		want []float64
	}{
		{"dense", dense, true, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		{"part", dense.Slice(1, 3, 0, 2), true, []float64{3, 4, 6, 7}},
		{"last column", dense.Slice(0, 3, 2, 3), true, []float64{2, 5, 8}},
		{"transposed", dense.T(), false, []float64{0, 3, 6, 1, 4, 7, 2, 5, 8}},
		{"column", dense.ColView(1), false, []float64{1, 4, 7}},
		{"one event", dense.Slice(1, 2, 0, 3), true, []float64{3, 4, 5}},
		{"diagonal", mat.NewDiagDense(2, []float64{1, 2}), false, []float64{1, 0, 0, 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			events, err := mixture.Matrix(test.m)
			if err != nil {
				t.Fatal(err)
			}
			if _, rows := events.(*mixture.Rows[float64]); rows != test.rows {
				t.Errorf("events are a %T", events)
			}
			n, d := test.m.Dims()
			if events.Len() != n || events.Dims() != d {
				t.Errorf("got %d×%d, want %d×%d", events.Len(), events.Dims(), n, d)
			}
			compare.Exact().Check(t, compare.Bits("events", read(events), test.want))
			last := make([]float64, d)
			events.Read(last, n-1)
			compare.Exact().Check(t, compare.Bits("the last event", last, test.want[(n-1)*d:]))
		})
	}
}

func TestMatrixRefuses(t *testing.T) {
	_, err := mixture.Matrix(nil)
	wantError(t, err, "there is no matrix")
	_, err = mixture.Matrix(new(mat.Dense))
	wantError(t, err, "a 0×0 matrix holds none")
}

// TestRowsOfNothing: the only rows that can be made elsewhere are none, and are refused as such.
func TestRowsOfNothing(t *testing.T) {
	if _, err := mixture.Summarize(t.Context(), mixture.Data{Events: &mixture.Rows[float64]{}}); err == nil {
		t.Error("no events are summed")
	}
}
