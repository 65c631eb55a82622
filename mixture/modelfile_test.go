package mixture_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gmmspec/gmmspec/mixture"
	"github.com/google/go-cmp/cmp"
)

// written is a model and the bytes of its file.
type written struct {
	model *mixture.ModelFile
	text  string
}

// models returns one model of each covariance type, of numbers that are hard to print.
func models() []written {
	return []written{
		{
			&mixture.ModelFile{
				Parameters: &mixture.Parameters{
					Covariance: mixture.Full, M: 2, D: 2,
					Weights: []float64{0.25, 0.75}, Means: []float64{1, -2, 0.1, 1e-30},
					Covariances: []float64{2, 0.5, 0.5, 1, 1e21, 0, 0, 1. / 3},
				},
				Training: &mixture.TrainingRecord{
					LogLikelihood: -123.5, Iterations: 7, Converged: true, Events: 100, Device: "cuda:0",
					Variants: []string{"accumulate-full-moments", "score-full-direct"},
				},
			},
			`{"format":"gmmspec-model/1","components":2,"dimensions":2,"covariance_type":"full",` +
				`"weights":[0.25,0.75],"means":[[1,-2],[0.1,1e-30]],` +
				`"covariances":[[[2,0.5],[0.5,1]],[[1e+21,0],[0,0.3333333333333333]]],` +
				`"training":{"log_likelihood":-123.5,"iterations":7,"converged":true,"events":100,"device":"cuda:0",` +
				`"variants":["accumulate-full-moments","score-full-direct"]}}` + "\n",
		},
		{
			&mixture.ModelFile{Parameters: &mixture.Parameters{
				Covariance: mixture.Diag, M: 2, D: 3,
				Weights: []float64{1, 0}, Means: []float64{1, 2, 3, 4, 5, 6}, Covariances: []float64{1, 2, 3, 4, 5, 5e-324},
			}},
			`{"format":"gmmspec-model/1","components":2,"dimensions":3,"covariance_type":"diag",` +
				`"weights":[1,0],"means":[[1,2,3],[4,5,6]],"covariances":[[1,2,3],[4,5,5e-324]]}` + "\n",
		},
		{
			&mixture.ModelFile{
				Parameters: &mixture.Parameters{
					Covariance: mixture.Tied, M: 3, D: 2,
					Weights: []float64{0.5, 0.25, 0.25}, Means: []float64{1, 2, 3, 4, 5, 6}, Covariances: []float64{1, -0.5, -0.5, 1},
				},
				Training: &mixture.TrainingRecord{},
			},
			`{"format":"gmmspec-model/1","components":3,"dimensions":2,"covariance_type":"tied",` +
				`"weights":[0.5,0.25,0.25],"means":[[1,2],[3,4],[5,6]],"covariances":[[1,-0.5],[-0.5,1]],` +
				`"training":{"log_likelihood":0,"iterations":0,"converged":false,"events":0,"device":"","variants":[]}}` + "\n",
		},
		{
			&mixture.ModelFile{Parameters: &mixture.Parameters{
				Covariance: mixture.Spherical, M: 2, D: 1,
				Weights: []float64{0.5, 0.5}, Means: []float64{math.Copysign(0, -1), 1e150}, Covariances: []float64{1e300, 0.1},
			}},
			`{"format":"gmmspec-model/1","components":2,"dimensions":1,"covariance_type":"spherical",` +
				`"weights":[0.5,0.5],"means":[[-0],[1e+150]],"covariances":[1e+300,0.1]}` + "\n",
		},
	}
}

// encode returns the bytes of a model file.
func encode(t *testing.T, f *mixture.ModelFile) string {
	t.Helper()
	var b bytes.Buffer
	n, err := f.WriteTo(&b)
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(b.Len()) {
		t.Errorf("WriteTo says %d bytes, and wrote %d", n, b.Len())
	}
	return b.String()
}

// TestModelFileBytes spells out the format: whoever changes it writes another version.
func TestModelFileBytes(t *testing.T) {
	for _, m := range models() {
		if got := encode(t, m.model); got != m.text {
			t.Errorf("%s\ngot  %swant %s", m.model.Parameters.Covariance, got, m.text)
		}
		got, err := mixture.ReadModel(strings.NewReader(m.text))
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(m.model, got); diff != "" {
			t.Errorf("%s: read otherwise than written:\n%s", m.model.Parameters.Covariance, diff)
		}
	}
}

// TestModelFileRoundTrip: numbers come back with the same bits, from any reader.
func TestModelFileRoundTrip(t *testing.T) {
	eachCovariance(t, func(t *testing.T, c mixture.Covariance) {
		eachSeed(t, 10, func(t *testing.T, random *rand.Rand) {
			want := &mixture.ModelFile{Parameters: randomModel(random, c, 1+random.IntN(5), 1+random.IntN(5))}
			got, err := mixture.ReadModel(iotest.OneByteReader(strings.NewReader(encode(t, want))))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	})
}

// TestReadModelAccepts lists what a writer may do otherwise: order, spaces, a training record that is short or has fields
// of a later version.
func TestReadModelAccepts(t *testing.T) {
	const model = `"weights":[1],"means":[[2]],"covariances":[3],"covariance_type":"spherical","dimensions":1,"components":1`
	for _, test := range []struct {
		name, text string
		want       *mixture.TrainingRecord
	}{
		{"another order", `{` + model + `,"format":"gmmspec-model/1"}`, nil},
		{"spaces", "\n {\t" + strings.ReplaceAll(model, ",", " ,\r\n ") + ",\"format\" : \"gmmspec-model/1\" } \n\n", nil},
		{"escapes", `{` + model + `,"f\u006frmat":"gmmspec-model\/1"}`, nil},
		{"an empty record", `{` + model + `,"format":"gmmspec-model/1","training":{}}`, &mixture.TrainingRecord{}},
		{
			"a later record", `{` + model + `,"format":"gmmspec-model/1","training":{"iterations":3,"seconds":[0.5,null,{"a":{}}]}}`,
			&mixture.TrainingRecord{Iterations: 3},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := mixture.ReadModel(strings.NewReader(test.text))
			if err != nil {
				t.Fatal(err)
			}
			want := &mixture.ModelFile{
				Parameters: &mixture.Parameters{
					Covariance: mixture.Spherical, M: 1, D: 1,
					Weights: []float64{1}, Means: []float64{2}, Covariances: []float64{3},
				},
				Training: test.want,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// valid is a model file of each covariance type to spoil.
func valid(c mixture.Covariance) string {
	head := `{"format":"gmmspec-model/1","components":2,"dimensions":2,"covariance_type":"` + string(c) +
		`","weights":[0.5,0.5],"means":[[1,2],[3,4]],"covariances":`
	return head + map[mixture.Covariance]string{
		mixture.Full:      `[[[2,1],[1,3]],[[4,1],[1,5]]]`,
		mixture.Diag:      `[[2,3],[4,5]]`,
		mixture.Tied:      `[[2,1],[1,3]]`,
		mixture.Spherical: `[2,4]`,
	}[c] + `,"training":{"iterations":7}}`
}

// TestReadModelRefuses spoils a valid file in one place; the field and the component at fault are named.
func TestReadModelRefuses(t *testing.T) {
	for _, test := range []struct {
		name       string
		covariance mixture.Covariance
		old, new   string
		field      string
		component  int
		reason     string
	}{
		{"no format", mixture.Full, `"format":"gmmspec-model/1",`, ``, "format", -1, "missing from the model file"},
		{"later format", mixture.Full, `model/1",`, `model/2","unheard_of":1,`, "format", -1, `"gmmspec-model/2": want "gmmspec-model/1"`},
		{"format no string", mixture.Full, `"gmmspec-model/1"`, `1`, "format", -1, "1: want a string"},
		{"no components", mixture.Full, `"components":2,`, ``, "components", -1, "missing"},
		{"components null", mixture.Full, `"components":2`, `"components":null`, "components", -1, "null: want an integer of at least 1"},
		{"components text", mixture.Full, `"components":2`, `"components":"2"`, "components", -1, `"2": want an integer`},
		{"components 2.5", mixture.Full, `"components":2`, `"components":2.5`, "components", -1, "2.5: want an integer"},
		{"components 0", mixture.Full, `"components":2`, `"components":0`, "components", -1, "0: want an integer of at least 1"},
		{"components huge", mixture.Full, `"components":2`, `"components":1000000000000000000`, "weights", -1, "an array of 2: want 1000000000000000000"},
		{"components past an int", mixture.Full, `"components":2`, `"components":100000000000000000000`, "components", -1, "100000000000000000000: want an integer"},
		{"no dimensions", mixture.Full, `"dimensions":2,`, ``, "dimensions", -1, "missing"},
		{"dimensions huge", mixture.Full, `"dimensions":2`, `"dimensions":4611686018427387904`, "means", 0, "an array of 2: want 4611686018427387904"},
		{"dimensions negative", mixture.Full, `"dimensions":2`, `"dimensions":-2`, "dimensions", -1, "-2: want an integer of at least 1"},
		{"no type", mixture.Full, `"covariance_type":"full",`, ``, "covariance_type", -1, "missing"},
		{"type of no kind", mixture.Full, `"full"`, `"Full"`, "covariance_type", -1, `"Full" is not full, diag, tied or spherical`},
		{"type null", mixture.Full, `"full"`, `null`, "covariance_type", -1, "null: want a string"},
		{"another type", mixture.Full, `"full"`, `"diag"`, "covariances", 0, "entry [0]: an array: want a number"},
		{"no weights", mixture.Full, `"weights":[0.5,0.5],`, ``, "weights", -1, "missing"},
		{"weights no array", mixture.Full, `[0.5,0.5]`, `{}`, "weights", -1, "an object: want an array of 2"},
		{"weights null", mixture.Full, `[0.5,0.5]`, `null`, "weights", -1, "null: want an array of 2"},
		{"weights too few", mixture.Full, `[0.5,0.5]`, `[1]`, "weights", -1, "an array of 1: want 2"},
		{"weights too many", mixture.Full, `[0.5,0.5]`, `[0.5,0.5,0]`, "weights", -1, "an array of 3: want 2"},
		{"weight null", mixture.Full, `[0.5,0.5]`, `[1,null]`, "weights", 1, "null: want a number"},
		{"weight text", mixture.Full, `[0.5,0.5]`, `["NaN",1]`, "weights", 0, `"NaN": want a number`},
		{"weight true", mixture.Full, `[0.5,0.5]`, `[0,true]`, "weights", 1, "true: want a number"},
		{"weight negative", mixture.Full, `[0.5,0.5]`, `[1.5,-0.5]`, "weights", 1, "-0.5: want a finite number of at least 0"},
		{"weights' sum", mixture.Full, `[0.5,0.5]`, `[0.5,0.75]`, "weights", -1, "sum to 1.25: want 1 within 1e-06"},
		{"no means", mixture.Full, `"means":[[1,2],[3,4]],`, ``, "means", -1, "missing"},
		{"means flat", mixture.Full, `[[1,2],[3,4]]`, `[1,2,3,4]`, "means", -1, "an array of 4: want 2"},
		{"mean no array", mixture.Full, `[[1,2],[3,4]]`, `[[1,2],3]`, "means", 1, "3: want an array of 2"},
		{"mean ragged", mixture.Full, `[[1,2],[3,4]]`, `[[1,2],[3,4,5]]`, "means", 1, "an array of 3: want 2"},
		{"mean null", mixture.Full, `[[1,2],[3,4]]`, `[[1,2],[3,null]]`, "means", 1, "entry [1]: null: want a number"},
		{"mean past a float64", mixture.Full, `[[1,2],[3,4]]`, `[[1,-1e999],[3,4]]`, "means", 0, "entry [1]: -1e999 does not fit a float64"},
		{"mean too large", mixture.Full, `[[1,2],[3,4]]`, `[[1,2],[1e151,4]]`, "means", 1, "1e+151: want a number of at most 1e+150"},
		{"no covariances", mixture.Full, `"covariances":[[[2,1],[1,3]],[[4,1],[1,5]]],`, ``, "covariances", -1, "missing"},
		{"full null", mixture.Full, `[4,1]`, `[4,null]`, "covariances", 1, "entry [0][1]: null: want a number"},
		{"full ragged", mixture.Full, `[[4,1],[1,5]]`, `[[4,1],[1]]`, "covariances", 1, "entry [1]: an array of 1: want 2"},
		{"full short", mixture.Full, `[[4,1],[1,5]]`, `[[4,1]]`, "covariances", 1, "an array of 1: want 2"},
		{"full asymmetric", mixture.Full, `[[4,1],[1,5]]`, `[[4,1],[1.00001,5]]`, "covariances", 1, "not symmetric: entry (1,0) is 1.00001, entry (0,1) is 1"},
		{"full indefinite", mixture.Full, `[[4,1],[1,5]]`, `[[4,5],[5,4]]`, "covariances", 1, "not positive definite"},
		{"full singular", mixture.Full, `[[4,1],[1,5]]`, `[[4,4],[4,4]]`, "covariances", 1, "not positive definite"},
		{"diag null", mixture.Diag, `[4,5]`, `[4,null]`, "covariances", 1, "entry [1]: null: want a number"},
		{"diag of 0", mixture.Diag, `[4,5]`, `[4,0]`, "covariances", 1, "not positive definite"},
		{"diag too many", mixture.Diag, `[4,5]]`, `[4,5],[6,7]]`, "covariances", -1, "an array of 3: want 2"},
		{"tied null", mixture.Tied, `[1,3]`, `[1,null]`, "covariances", -1, "entry [1][1]: null: want a number"},
		{"tied asymmetric", mixture.Tied, `[1,3]`, `[2,3]`, "covariances", -1, "not symmetric"},
		{"tied indefinite", mixture.Tied, `[[2,1],[1,3]]`, `[[2,9],[9,3]]`, "covariances", -1, "not positive definite"},
		{"spherical null", mixture.Spherical, `[2,4]`, `[2,null]`, "covariances", 1, "null: want a number"},
		{"spherical negative", mixture.Spherical, `[2,4]`, `[2,-4]`, "covariances", 1, "not positive definite"},
		{"unknown field", mixture.Full, `"weights"`, `"comment":"mine","weights"`, `"comment"`, -1, "no field of a gmmspec-model/1 file"},
		{"another case", mixture.Full, `"weights"`, `"Weights"`, "weights", -1, "missing"},
		{"training null", mixture.Full, `{"iterations":7}`, `null`, "training", -1, "null: want an object"},
		{"training text", mixture.Full, `{"iterations":7}`, `"long"`, "training", -1, `"long": want an object`},
		{"iterations 2.5", mixture.Full, `"iterations":7`, `"iterations":2.5`, "training.iterations", -1, "number 2.5: want int"},
		{"log-likelihood past a float64", mixture.Full, `"iterations":7`, `"log_likelihood":1e999`, "training.log_likelihood", -1, "number 1e999: want float64"},
		{"variants text", mixture.Full, `"iterations":7`, `"variants":"all"`, "training.variants", -1, "string: want []string"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(valid(test.covariance), test.old, test.new, 1)
			if text == valid(test.covariance) {
				t.Fatal("nothing was spoilt")
			}
			f, err := mixture.ReadModel(strings.NewReader(text))
			wantParameterError(t, err, test.field, test.component, test.reason)
			if f != nil {
				t.Error("a model besides an error")
			}
		})
	}
}

// TestReadModelValid: what TestReadModelRefuses spoils is whole.
func TestReadModelValid(t *testing.T) {
	eachCovariance(t, func(t *testing.T, c mixture.Covariance) {
		if _, err := mixture.ReadModel(strings.NewReader(valid(c))); err != nil {
			t.Error(err)
		}
	})
}

// TestReadModelRefusesOtherText: what is no JSON object, or one and more, is refused with the place.
func TestReadModelRefusesOtherText(t *testing.T) {
	model := valid(mixture.Full)
	spoilt := func(old, with string) string { return strings.Replace(model, old, with, 1) }
	deep := strings.Repeat("[", 100000)
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", "empty"},
		{"an array", "[1]", "an array: want an object"},
		{"null", "null", "null: want an object"},
		{"a number", "12", "12: want an object"},
		{"text", "format: gmmspec", "invalid character"},
		{"a cut", model[:len(model)-2], "training: the file ends too early"},
		{"a cut in a number", `{"weights":[0.5,0.`, "weights[1]: the file ends too early"},
		{"a cut after a name", `{"weights"`, "weights: the file ends too early"},
		{"a cut in a name", `{"wei`, "the file ends too early"},
		{"NaN", spoilt("[4,1]", "[4,NaN]"), "covariances[1][0][1]: invalid character 'N'"},
		{"Infinity", spoilt("[3,4]", "[3,Infinity]"), "means[1][1]: invalid character 'I'"},
		{"-Infinity", spoilt("[0.5,0.5]", "[0.5,-Infinity]"), "weights[1]: invalid character 'I' in numeric literal"},
		{"a comma too many", spoilt("[0.5,0.5]", "[0.5,0.5,]"), "weights[2]: invalid character ']'"},
		{"a comma too few", spoilt("[0.5,0.5]", "[0.5 0.5]"), "weights[1]: invalid character '0' after array element"},
		{"a field twice", spoilt(`"means"`, `"weights":[1,0],"means"`), "weights: comes twice"},
		{"a training field twice", spoilt(`{"iterations":7}`, `{"iterations":7,"iterations":8}`), "training.iterations: comes twice"},
		{"two models", model + "\n" + model, "something follows the model"},
		{"a bracket more", model + "}", "after the model: invalid character '}'"},
		{"deep", spoilt(`[[1,2],[3,4]]`, deep), "means[0][0]"},
		{"deep in training", spoilt(`"iterations":7`, `"later":`+deep), "too deep"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, err := mixture.ReadModel(strings.NewReader(test.text))
			wantError(t, err, "mixture: model file: ", test.want)
			if f != nil {
				t.Error("a model besides an error")
			}
		})
	}
}

// TestReadModelFails: what goes wrong below is passed on.
func TestReadModelFails(t *testing.T) {
	broken := errors.New("the disk is on fire")
	for _, text := range []string{"", valid(mixture.Full)[:30], valid(mixture.Full)} {
		_, err := mixture.ReadModel(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: error %v, want %v", len(text), err, broken)
		}
	}
}

func TestWriteToRefuses(t *testing.T) {
	model := func() *mixture.ModelFile { return models()[0].model }
	for _, test := range []struct {
		name      string
		spoil     func(f *mixture.ModelFile)
		field     string
		component int
		reason    string
	}{
		{"nothing", func(f *mixture.ModelFile) { f.Parameters = nil }, "parameters", -1, "there are none"},
		{"no mixture", func(f *mixture.ModelFile) { f.Parameters.Weights[1] = 1 }, "weights", -1, "sum to 1.25"},
		{"NaN", func(f *mixture.ModelFile) { f.Training.LogLikelihood = math.NaN() }, "training.log_likelihood", -1, "NaN is not finite"},
		{"-Inf", func(f *mixture.ModelFile) { f.Training.LogLikelihood = math.Inf(-1) }, "training.log_likelihood", -1, "-Inf is not finite"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := model()
			test.spoil(f)
			var b bytes.Buffer
			n, err := f.WriteTo(&b)
			wantParameterError(t, err, test.field, test.component, test.reason)
			if n != 0 || b.Len() != 0 {
				t.Errorf("wrote %d bytes", b.Len())
			}
		})
	}
}

// TestWriteToFails passes on what the writer says, and how much it took.
func TestWriteToFails(t *testing.T) {
	r, w := io.Pipe()
	broken := errors.New("no space left")
	if err := r.CloseWithError(broken); err != nil {
		t.Fatal(err)
	}
	if n, err := models()[0].model.WriteTo(w); n != 0 || !errors.Is(err, broken) {
		t.Errorf("got %d, %v", n, err)
	}
}

// TestWriteToLeavesRecord: that the file says [] for no variants does not show in the record.
func TestWriteToLeavesRecord(t *testing.T) {
	f := models()[2].model
	encode(t, f)
	if f.Training.Variants != nil {
		t.Errorf("variants are %#v", f.Training.Variants)
	}
}

// FuzzReadModel: no text makes ReadModel panic, and what it accepts is a mixture that is written and read again the same.
func FuzzReadModel(f *testing.F) {
	for _, m := range models() {
		f.Add(m.text)
	}
	for _, c := range mixture.Covariances() {
		f.Add(valid(c))
	}
	f.Add(`{"format":"gmmspec-model/1","components":1e3,"weights":[NaN,null],"means":[[[[]]]],"":{"":[{}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		first, err := mixture.ReadModel(strings.NewReader(text))
		if err != nil {
			if first != nil || !strings.HasPrefix(err.Error(), "mixture: ") {
				t.Errorf("got %+v and error %q", first, err)
			}
			return
		}
		if err := first.Parameters.Validate(); err != nil {
			t.Error(err)
		}
		again := encode(t, first)
		second, err := mixture.ReadModel(strings.NewReader(again))
		if err != nil {
			t.Fatalf("%v in %s", err, again)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Error(diff)
		}
		if third := encode(t, second); third != again {
			t.Errorf("written %s\nthen    %s", again, third)
		}
	})
}
