#!/usr/bin/env bash
# One week of an invented garden helper, from log to sealed verdict.
# Usage: examples/first-week.sh [FOLDER]   (default: build/first-week)
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
PATH="$here/../.venv/bin:$PATH"
command -v tracebridge >/dev/null || {
  echo "tracebridge is not installed; run \`make setup\` first" >&2
  exit 2
}

week="${1:-build/first-week}"
mkdir -p "$week"
export TRACEBRIDGE_WORKSPACE="$week"

say() { printf '\n# %s\n' "$*"; }

say "a workspace (with another home, so that your own agents' logs stay out of the sample)"
HOME="$week" tracebridge init

say "three session logs: every line accounted for, text scrubbed before it is kept"
tracebridge import "$here/data/openclaw"

say "thirteen changes of emoji, into the ledger"
tracebridge feedback import "$here/data/updates.jsonl"

say "what they say about which answer"
tracebridge labels list --day 2026-04-12

say "the cycle of the last day, over the whole week"
tracebridge cycle run --day 2026-04-12

bundle="$(ls -d "$week"/artifacts/phase1-shadow/*/ | tail -n 1)"
say "is the bundle what was sealed?"
tracebridge bundle verify "$bundle"

say "and can it be made again?"
tracebridge bundle reproduce "$bundle"
