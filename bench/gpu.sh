#!/usr/bin/env bash
# Runs the whole GPU suite, checks first and then times, on a machine that has an NVIDIA driver and NVRTC. bench/bundle.sh
# makes the folder that this script works in.
#
#   gpu.sh DIR
#
# Every step is bounded in time and logged in DIR/logs; a failing one does not stop the others. The record of the run, to be
# kept under bench/results, is DIR/DATE-DEVICE.json. The exit status is 1 if any step failed.
#
# Environment: GMMSPEC_NVRTC names the compiler's library where the usual places do not hold it; COMPUTE_SANITIZER the
# checker's program; GMMSPEC_INTENSITY widens the differential tests.
set -uo pipefail

# The seconds that all steps may take together.
readonly total=560
# What the fits of the generated mixture may differ by, in log-likelihood per event.
readonly within=1e-5
# The same for the shipped data, whose few events average less of float32's rounding out.
declare -rA within_shipped=([float32]=1e-4 [float64]=1e-9)

if [ $# -ne 1 ]; then
	echo "usage: gpu.sh DIR" >&2
	exit 2
fi
mkdir -p "$1/logs"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")" || exit 1
bundle=$PWD
logs=$out/logs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export GMMSPEC_REQUIRE=cuda,nvrtc
export GMMSPEC_CACHE=$work/cache
mkdir -m 700 "$GMMSPEC_CACHE"

began=$(date +%s)
steps=() failed=() skipped=() agreements=() times=()

# step NAME SECONDS COMMAND… runs a command with a limit, in the folder tree/$in if in is set. Its standard output goes to
# NAME.out and the rest to NAME.log. If want is set, a line of them must match it too.
step() {
	local name=$1 limit=$2 left start took status outcome=ok
	shift 2
	left=$((total - ($(date +%s) - began)))
	start=$EPOCHREALTIME
	if [ "$left" -le 0 ]; then
		echo "gpu.sh: no time left of $total s" >"$logs/$name.log"
		: >"$logs/$name.out"
		status=124
	else
		(cd "$bundle/tree/${in:-.}" && exec timeout --kill-after=5 "$((limit < left ? limit : left))" "$@") \
			>"$logs/$name.out" 2>"$logs/$name.log" </dev/null
		status=$?
	fi
	if [ "$status" -eq 0 ] && [ -n "${want:-}" ] && ! grep -qE -e "$want" "$logs/$name.out" "$logs/$name.log"; then
		echo "gpu.sh: no line matches: $want" >>"$logs/$name.log"
		status=1
	fi
	took=$(awk "BEGIN {printf \"%.2f\", $EPOCHREALTIME - $start}")
	if [ "$status" -ne 0 ]; then
		outcome=failed
		failed+=("$name")
	fi
	steps+=("{\"name\":\"$name\",\"outcome\":\"$outcome\",\"seconds\":$took}")
	printf '%-6s %-28s %8s s\n' "$outcome" "$name" "$took"
	if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
		echo "       stopped at its limit"
	fi
	if [ "$status" -ne 0 ]; then
		tail -n 15 "$logs/$name.out" "$logs/$name.log" | sed 's/^/       | /'
	fi
	return "$status"
}

# skip NAME REASON says that a step cannot be taken here.
skip() {
	skipped+=("$1")
	steps+=("{\"name\":\"$1\",\"outcome\":\"skipped\",\"reason\":\"$2\"}")
	printf '%-6s %-28s %s\n' skip "$1" "$2"
}

# tests NAME SECONDS PACKAGE PATTERN PASSED runs tests, of which one whose name begins with PASSED must pass.
tests() {
	in=$3 want="^ *--- PASS: $5" step "$1" "$2" ./gpu.test -test.v -test.run "$4" -test.timeout "$2s"
}

# agree NAME EVENTS WITHIN A B compares two fits that earlier steps have reported, for the record.
agree() {
	if step "$1" 10 "$bundle/kit" agree -n "$2" -within "$3" "$logs/$4.out" "$logs/$5.out"; then
		agreements+=("{\"name\":\"$1\",\"found\":$(cat "$logs/$1.out")}")
	fi
}

# clock NAME SECONDS ARGUMENTS… times whole processes, for the record.
clock() {
	local name=$1 limit=$2
	shift 2
	if step "$name" "$limit" "$bundle/kit" time "$@"; then
		times+=("{\"name\":\"$name\",\"found\":$(cat "$logs/$name.out")}")
	fi
}

# train NAME SECONDS DEVICE ARGUMENTS… fits on a device and reports in JSON.
train() {
	local name=$1 limit=$2 device=$3
	shift 3
	step "$name" "$limit" "$bundle/gmmspec" train --json --device "$device" "$@"
}

# fact FIELD asks nvidia-smi.
fact() { nvidia-smi --id=0 --query-gpu="$1" --format=csv,noheader,nounits 2>/dev/null | head -n 1 | tr -d '"\\'; }

# join ELEMENTS… prints a JSON array.
join() {
	local IFS=,
	printf '[%s]' "$*"
}

echo "commit $(cat commit), on $(fact name), driver $(fact driver_version)"

# What is there.
step doctor 60 "$bundle/gmmspec" doctor
step nvidia-smi 10 nvidia-smi -q -i 0

# Right: the driver's conformance, the compiler, every variant against the reference, the device's conformance.
tests driver 60 runtime/cuda . TestConformance
tests nvrtc 60 runtime/cuda/nvrtc . TestCompileForEveryArchitecture
for precision in float32 float64; do
	tests "differential-$precision" 150 . "^TestDifferential\$/^backend=cuda\$/^precision=$precision\$" \
		"TestDifferential/backend=cuda/precision=$precision/"
done
for precision in float32 float64; do
	tests "conformance-$precision" 120 . "^TestConformance\$/^backend=cuda\$/^precision=$precision\$" \
		"TestConformance/backend=cuda/precision=$precision/"
done

# Right: many mixtures at once; events that stay on the device.
tests batch 60 . '^TestTrainBatch$/^device=cuda' 'TestTrainBatch/device=cuda/full'
tests upload 30 . '^TestUpload$/^device=cuda' 'TestUpload/device=cuda'
tests batch-uploaded 30 . '^TestTrainBatchUploaded$/^device=cuda' 'TestTrainBatchUploaded/device=cuda'
tests uploaded-alike 30 . '^TestUploadedAlike$/^device=cuda' 'TestUploadedAlike/device=cuda'

# Right, and fast: events that do not fit the GPU's memory.
tests streamed 60 . '^TestStreamed$' TestStreamed
want='share' step streamed-rate 90 ./gpu.test -test.run '^$' -test.bench '^BenchmarkStreamed$' -test.benchtime 10x -test.timeout 90s

# Right: the adversarial corpus, with what is rare among a million events for every covariance type.
GMMSPEC_INTENSITY=2 tests corpus 120 . '^TestCorpus$/^device=cuda$' 'TestCorpus/device=cuda/precision=float32/rare/diag/n=1000000'

# Right: fits of the data in the repository.
shipped() {
	local name=$1 events=$2 precision
	shift 2
	train "$name-reference" 30 reference --tol 0 --max-iter 10 "$@"
	for precision in float32 float64; do
		train "$name-cuda-$precision" 30 cuda --precision "$precision" --tol 0 --max-iter 10 "$@" &&
			agree "$name-$precision-agrees" "$events" "${within_shipped[$precision]}" "$name-cuda-$precision" "$name-reference"
	done
}
shipped faithful 272 -M 2 "$bundle/tree/testdata/data/faithful.csv"
shipped iris 150 -M 3 --columns 1-4 "$bundle/tree/testdata/data/iris.csv"
shipped digits-diag 1797 -M 10 --covariance diag "$bundle/tree/testdata/data/digits.npy"
shipped vowels 9961 -M 16 --columns 3-14 "$bundle/tree/testdata/data/japanese-vowels.csv"
shipped vowels-diag 9961 -M 33 --covariance diag --columns 3-14 "$bundle/tree/testdata/data/japanese-vowels.csv"

# Right: a fit of a million events.
if step million-data 60 "$bundle/kit" mixture -n 1000000 -m 64 -d 19 "$work/million"; then
	million=(--init "$work/million/start.json" -M 64 --tol 0 --max-iter 3 "$work/million/events.npy")
	train million-reference 100 reference "${million[@]}"
	for precision in float32 float64; do
		train "million-cuda-$precision" 30 cuda --precision "$precision" "${million[@]}" &&
			agree "million-$precision-agrees" 1000000 "$within" "million-cuda-$precision" million-reference
	done
fi

# Times of whole processes.
if step times-data 30 "$bundle/kit" mixture -n 100000 -m 64 -d 19 "$work/times"; then
	for device in cuda cc reference; do
		if [ "$device" = cc ] && ! command -v "${CC:-cc}" >/dev/null && ! command -v gcc >/dev/null && ! command -v clang >/dev/null; then
			skip time-cc "no C compiler here"
			continue
		fi
		command=("$bundle/gmmspec" train --json --device "$device" --init "$work/times/start.json" -M 64 --tol 0 --max-iter 10
			"$work/times/events.npy")
		if [ "$device" != reference ]; then
			clock "time-$device-cold" 60 -cold -device "$device" "${command[@]}"
		fi
		clock "time-$device-warm" 60 -device "$device" "${command[@]}"
	done
fi

# Right: every kernel under compute-sanitizer, on events and components that fill no tile.
sanitizer=${COMPUTE_SANITIZER:-$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | tail -n 1)}
if [ -z "$sanitizer" ]; then
	skip sanitizer "no compute-sanitizer here: install a CUDA toolkit, or name the program in COMPUTE_SANITIZER"
elif step sanitizer-data 10 "$bundle/kit" mixture -n 333 -m 5 -d 13 "$work/sanitizer" &&
	step loop-data 10 "$bundle/kit" mixture -n 4000 -m 40 -d 13 "$work/loop"; then
	# The runtime learns how many parameters a kernel has by asking until the driver refuses: no error of a kernel's.
	declare -rA quiet=([memcheck]='--report-api-errors=no')
	sanitize() {
		local tool=$1 name=$2
		shift 2
		want='SUMMARY: 0 (errors|hazards)' step "$name" 60 \
			"$sanitizer" --tool "$tool" --error-exitcode 1 ${quiet[$tool]:+"${quiet[$tool]}"} "$@"
	}
	for tool in memcheck racecheck initcheck synccheck; do
		for covariance in full diag; do
			for precision in float32 float64; do
				sanitize "$tool" "$tool-$covariance-$precision-train" "$bundle/gmmspec" train --device cuda \
					--covariance "$covariance" --precision "$precision" -M 5 --tol 0 --max-iter 2 \
					-o "$work/sanitizer/$covariance.json" "$work/sanitizer/events.npy"
				sanitize "$tool" "$tool-$covariance-$precision-predict" "$bundle/gmmspec" predict --device cuda --proba \
					--precision "$precision" -m "$work/sanitizer/$covariance.json" "$work/sanitizer/events.npy"
			done
		done
		# The loop in matrix form, of more components than are fitted in one launch, with events sorted into buckets.
		sanitize "$tool" "$tool-loop" "$bundle/gmmspec" train --device cuda --precision float32 --init "$work/loop/start.json" -M 40 \
			--tol 0 --max-iter 4 "$work/loop/events.npy"
		# The kernels that a plan of the command's does not take. The exit status is the sanitizer's; the tests must have run.
		want='--- PASS: TestDifferential/backend=cuda/' step "$tool-others" 90 \
			"$sanitizer" --tool "$tool" --error-exitcode 1 ${quiet[$tool]:+"${quiet[$tool]}"} ./gpu.test -test.v -test.run \
			'^TestDifferential$/^backend=cuda$/./^variant=(accumulate|moments|update|estep|score)-/./././^d=(3|13|19)$/./^n=65$'
	done
fi

# The record.
device=$(fact name | tr -cs 'A-Za-z0-9\n' - | tr 'A-Z' 'a-z')
record=$out/$(date -u +%Y-%m-%d)-${device:-no-device}.json
{
	printf '{"date":"%s","commit":"%s",\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(cat commit)"
	printf '"device":"%s","driver":"%s","memory_mib":"%s",\n' "$(fact name)" "$(fact driver_version)" "$(fact memory.total)"
	printf '"max_sm_mhz":"%s","power_limit_watts":"%s",\n' "$(fact clocks.max.sm)" "$(fact power.limit)"
	printf '"nvrtc":"%s",\n' "$(sed -n 's/^found *NVRTC: \([0-9.]*\).*/\1/p' "$logs/doctor.out")"
	printf '"steps":%s,\n"agreements":%s,\n"times":%s}\n' "$(join "${steps[@]}")" "$(join "${agreements[@]}")" "$(join "${times[@]}")"
} | sed 's/},{/},\n{/g' >"$record"

echo "record: $record"
echo "$((${#steps[@]} - ${#failed[@]} - ${#skipped[@]})) passed, ${#failed[@]} failed, ${#skipped[@]} skipped, in $(($(date +%s) - began)) s"
if [ "${#failed[@]}" -gt 0 ]; then
	echo "failed: ${failed[*]}"
	exit 1
fi
