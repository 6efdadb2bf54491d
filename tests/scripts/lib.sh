# What the scripts of this folder share: ask, compare, wait, give up. To be sourced, not run.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
documents=$here/documents

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# get URI: the bare reply
get() {
  fims_send -m get -r /$$ -u "$1"
}

# put URI BODY: set without waiting for the echo
put() {
  fims_send -m set -u "$1" "$2" || fail "set $1 $2 was refused"
}

# is WANTED GIVEN
is() {
  [ "$1" = "$2" ] || fail "line ${BASH_LINENO[0]}: expected $1, got $2"
}

# becomes URI WANTED: ask until the reply is what is wanted, for 20 seconds at most
becomes() {
  local until=$((SECONDS + 20)) now
  while now=$(get "$1" 2>/dev/null); [ "$now" != "$2" ]; do
    [ $SECONDS -lt $until ] || fail "line ${BASH_LINENO[0]}: $1 is $now and never became $2"
  done
}

# holds FILE PATTERN [COUNT]: wait until so many lines of the file match, for 20 seconds at most
holds() {
  local until=$((SECONDS + 20))
  while [ "$(grep -c -- "$2" "$1")" -lt "${3:-1}" ]; do
    [ $SECONDS -lt $until ] || fail "line ${BASH_LINENO[0]}: $1 never got $2: $(tail -20 "$1")"
  done
}

# push DOCUMENT [NAME]: give a configuration document to the instance ess_1
push() {
  fims_send -m set -r /$$ -f "$documents/$1.json" -u "/ess_1/cfg/cfile/ess/${2:-$1}" >/dev/null
}

# listen FILE URI...: fims_listen in the background, its records in the file; ends with the script
listen() {
  local file=$1 uri flags=()
  shift
  for uri in "$@"; do flags+=(-u "$uri"); done
  : >"$file" # the background may be late to make it
  fims_listen "${flags[@]}" >>"$file" &
  listener=$!
  trap 'kill $listener 2>/dev/null; wait $listener 2>/dev/null' EXIT
  # It hears us when it stands: knock until it does.
  local until=$((SECONDS + 20))
  while ! grep -q "^Uri: *$1/knock$" "$file"; do
    [ $SECONDS -lt $until ] || fail "fims_listen never heard anything"
    fims_send -m pub -u "$1/knock" true
  done
}

work=$(mktemp -d -p "${TMPDIR:-/tmp}")
