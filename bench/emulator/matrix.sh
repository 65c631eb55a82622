#!/bin/bash
# matrix.sh TREE [CASE…]: renders the matrix form from a checkout of gmmspec, runs it on the processor, and compares it with float64. A line a
# run; exits with 1 where something is wrong. CASE is the beginning of a case's name; see matrix.cases, and README.md.
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || { sed -n 2,3p "$0"; grep -o '^[^# ][^ ]*' "$here/matrix.cases" | tr '\n' ' '; echo; exit 2; }
tree=$(cd "$1" && pwd) || exit 2
shift
build=${EMU_BUILD:-$tree/dist/emulator}
mkdir -p "$build" && cd "$build" || exit 2
set -o pipefail

(cd "$tree" && timeout 300 go build -p 1 -o "$build/render" ./bench/emulator/render) || exit 2
read -r ints floats < <(sed -n 's/^const loopInts, loopFloats = \([0-9]*\), \([0-9]*\)/\1 \2/p' "$tree/runtime/cuda/loop.go")
[ -n "$floats" ] || { echo "matrix.sh: no loopInts, loopFloats in $tree/runtime/cuda/loop.go"; exit 2; }

make_object() { # SOURCE: what is compiled without sanitizers
	[ "$1.o" -nt "$here/$1.cc" ] && [ "$1.o" -nt "$here/simt.h" ] && [ "$1.o" -nt "$here/ref.h" ] ||
		timeout 300 g++ -O3 -march=native -std=c++17 -I"$here" -c "$here/$1.cc" -o "$1.o" || exit 2
}
make_object simt
make_object ref

export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=0:exitcode=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=0:exitcode=66:report_signal_unsafe=0:history_size=4:report_bugs=1
failures=0 lines=0 start=$SECONDS
while read -r name covariance m d weighted sanitizer flags; do
	case "$name" in '#'* | '') continue ;; esac
	if [ "$name" = run ]; then
		$skip && continue
		# here covariance, m … are settings
		begun=$SECONDS
		if ! timeout "${EMU_TIMEOUT:-400}" "./$binary" "$case" $covariance $m $d $weighted $sanitizer $flags $EMU_SETTINGS >"$case.out" 2>"$case.err" </dev/null; then
			failures=$((failures + 1))
			echo "FAIL $case: $covariance $m $d $weighted $sanitizer $flags"
			cat "$case.out"
			grep -v '^$' "$case.err" | head -${EMU_LINES:-40}
		else
			cat "$case.out"
		fi
		lines=$((lines + 1))
		[ -n "$EMU_TIMES" ] && echo "    $((SECONDS - begun)) s"
		continue
	fi
	case=$name skip=true
	[ $# -eq 0 ] && skip=false
	for want; do case "$name" in "$want"*) skip=false ;; esac; done
	$skip && continue
	./render "$name" "$covariance" "$m" "$d" "$weighted" $flags || { failures=$((failures + 1)); skip=true; continue; }
	if [ -n "$EMU_SED" ]; then # a fault put in on purpose
		cp "$name.cu" "$name.whole"
		sed -i -E "$EMU_SED" "$name.cu"
		cmp -s "$name.cu" "$name.whole" && { echo "$name: the fault is not in it"; skip=true; continue; }
	fi
	python3 "$here/matrix_prep.py" "$name.cu" "$name.inc" || { failures=$((failures + 1)); skip=true; continue; }
	case $sanitizer in
	race) checks="-fsanitize=thread" ;;
	plain) checks="" ;;
	*) checks="-fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all" ;;
	esac
	hash=$(cat "$name.inc" "$name.launch.h" "$here"/{matrix.cc,simt.h,ref.h,simt.cc,ref.cc,matrix.sh} | md5sum | cut -c1-16)
	binary=$name-$hash.bin
	if [ ! -x "$binary" ]; then
		rm -f "$name"-*.bin
		timeout 300 g++ -std=c++17 -O1 -g1 -w -mavx2 -mfma -mf16c -ffp-contract=fast -fno-omit-frame-pointer $checks -I"$here" -DLOOP_INTS="$ints" -DLOOP_FLOATS="$floats" \
			-DLAUNCHES="\"$build/$name.launch.h\"" -DKERNEL="\"$build/$name.inc\"" -c "$here/matrix.cc" -o "$name.o" &&
			g++ $checks "$name.o" simt.o ref.o -o "$binary" || { echo "FAIL $name: it does not compile"; failures=$((failures + 1)); skip=true; continue; }
	fi
done <"${EMU_CASES:-$here/matrix.cases}"
[ $lines -gt 0 ] || { echo "matrix.sh: no such case"; exit 2; }
echo "$((lines - failures)) of $lines fine, $((SECONDS - start)) s"
[ $failures -eq 0 ]
