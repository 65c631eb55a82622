#!/usr/bin/env bash
# Builds what bench/gpu.sh needs on a machine that has an NVIDIA driver and NVRTC, but no Go.
#
#   bench/bundle.sh DIR        (for example dist/gpu, which git ignores)
#
# DIR then holds gpu.sh, the command, the kit, and in tree/ the test binaries, each in its package's folder beside the
# testdata that it reads. Nothing in it links to C. GOARCH chooses the architecture, this machine's by default.
set -euo pipefail

# The packages whose tests use a GPU or NVRTC.
packages=(. runtime/cuda runtime/cuda/nvrtc)
# What the bundle may weigh, so that it is quickly copied.
limit_mib=60

if [ $# -ne 1 ]; then
	echo "usage: bench/bundle.sh DIR" >&2
	exit 2
fi
mkdir -p "$1"
bundle=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
rm -rf "${bundle:?}/tree"

export CGO_ENABLED=0 GOOS=linux
strip=(-trimpath '-ldflags=-s -w')
go build "${strip[@]}" -o "$bundle/gmmspec" ./cmd/gmmspec
go build "${strip[@]}" -o "$bundle/kit" ./bench/kit
for package in "${packages[@]}"; do
	mkdir -p "$bundle/tree/$package"
	go test -c "${strip[@]}" -o "$bundle/tree/$package/gpu.test" "./$package"
	if [ -d "$package/testdata" ]; then
		cp -r "$package/testdata" "$bundle/tree/$package/"
	fi
done
cp bench/gpu.sh bench/peers/peers.py bench/peers/table.py bench/peers/sweep.py "$bundle/"
git describe --always --abbrev=40 --dirty >"$bundle/commit"

weight_mib=$(du -sm "$bundle" | cut -f1)
echo "$bundle: $weight_mib MiB of commit $(cat "$bundle/commit")"
if [ "$weight_mib" -gt "$limit_mib" ]; then
	echo "bundle.sh: that is more than $limit_mib MiB" >&2
	exit 1
fi
