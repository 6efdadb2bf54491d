#!/bin/bash
# Documents and a template from files; a loader that joins them; a broken one that changes nothing.
. "$(dirname "$0")/../lib.sh"

push rack_limits || fail "rack_limits was refused"
fims_send -m set -f "$documents/rack.json" -u /ess_1/cfg/ctmpl/ess/rack || fail "the template was refused"
push racks || fail "racks was refused"
fims_send -m set -u /ess_1/cfg/crun true
becomes /ess_1/config/load/racks true

for n in 01 02 03; do
  put /ess_1/assets/ess/rack_$n/volt 8"$n"
  is "8$n" "$(get /ess_1/status/racks/last_$n)"
done
put /ess_1/assets/ess/rack_02/volt 900
is 820 "$(get /ess_1/assets/ess/rack_02/volt)"
is 3 "$(get /ess_1/assets/ess | grep -o '"rack_0[1-3]"' | wc -l)"

# another limit takes effect, values that no document names stay
sed 's/820/850/' "$documents/rack_limits.json" >"$work/rack_limits.json"
fims_send -m set -f "$work/rack_limits.json" -u /ess_1/cfg/cfile/ess/rack_limits || fail "not taken again"
put /ess_1/assets/ess/rack_02/volt 900
is 850 "$(get /ess_1/assets/ess/rack_02/volt)"
is 801 "$(get /ess_1/assets/ess/rack_01/volt)"

push broken 2>"$work/said"; is 1 $?
get /ess_1/status/broken 2>/dev/null; is 1 $?
