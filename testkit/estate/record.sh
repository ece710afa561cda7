#!/usr/bin/env bash
# Records the sample estate: starts an empty emulator, fills it, runs the collector over it, writes FOLDER/SERVICE.jsonl, stops.
#   record.sh FOLDER
# PORT (5731), SKYWARDEN (our program, built) and AWS_LAB (the emulator) say what to use.
set -euo pipefail
folder=$(realpath -m "${1:?where to record to}")
here=$(cd "$(dirname "$0")" && pwd)
port=${PORT:-5731} skywarden=${SKYWARDEN:-$here/../../target/release/skywarden} aws_lab=${AWS_LAB:-$here/../../../shared/tools/aws-lab}
home=$HOME/.cache/aws-lab
python=$home/venv/bin/python
export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=testing AWS_EC2_METADATA_DISABLED=true
export PYTHONDONTWRITEBYTECODE=1
unset AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION AWS_SESSION_TOKEN

if curl -sf -o /dev/null "http://127.0.0.1:$port/moto-api/"; then
  echo "record.sh: something answers on port $port already; stop it or choose another PORT" >&2
  exit 1
fi
rm -f "$home/$port.pid" "$home/$port.jsonl.faults"
scratch=$(mktemp -d)
finish() {
  if [[ -s $home/$port.pid ]]; then kill "$(cat "$home/$port.pid")" 2>/dev/null || true; fi
  rm -f "$home/$port.pid"
  rm -rf "$scratch"
}
trap finish EXIT
date +%s >"$scratch/clock"

# The emulator gets the clock of the estate; the collector and this script keep their own.
ESTATE_CLOCK=$scratch/clock PYTHONPATH=$here/clock PYTHONHASHSEED=0 bash "$aws_lab" start "$port" 0
"$python" "$here/seed.py" "http://127.0.0.1:$port" "$scratch/clock"
"$skywarden" scan aws --endpoint-url "http://127.0.0.1:$port" --regions eu-central-1,us-east-1 \
  --record "$scratch/raw" --format json --out "$scratch/live.json"
if [[ -n ${KEEP:-} ]]; then mkdir -p "$KEEP" && cp -r "$scratch/raw" "$scratch/live.json" "$KEEP/"; fi
"$python" "$here/tidy.py" "$scratch/raw" "$folder"
