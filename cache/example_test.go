package cache_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gmmspec/gmmspec/cache"
)

// A compiler's output is kept under everything it depends on. If the cache cannot be opened the same code compiles
// every time.
func Example() {
	temp, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(temp)

	c, err := cache.Open(filepath.Join(temp, "cache"), cache.Options{})
	if err != nil {
		fmt.Println("warning: going on without a cache:", err)
	}
	defer c.Close()

	key := cache.NewKey("kernel").
		Add("compiler", "NVRTC 13.0.88").
		Add("option", "--gpu-architecture=sm_90a").
		Add("source", "__global__ void estep() {}")
	compile := func(context.Context) ([]byte, map[string]string, error) {
		fmt.Println("compiling")
		return []byte("cubin"), map[string]string{"registers": "8"}, nil
	}
	for range 2 {
		entry, hit, err := c.Do(context.Background(), key, compile)
		fmt.Println(string(entry.Payload), entry.Meta["registers"], hit, err)
	}
	fmt.Print(key.Transcript())
	// Output:
	// compiling
	// cubin 8 false <nil>
	// cubin 8 true <nil>
	// kernel
	//   compiler: "NVRTC 13.0.88"
	//   option: "--gpu-architecture=sm_90a"
	//   source: "__global__ void estep() {}"
}
