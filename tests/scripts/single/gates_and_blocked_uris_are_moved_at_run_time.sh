#!/bin/bash
# A gate opens, a blocked uri is let in, and trace tells why something does not move.
. "$(dirname "$0")/../lib.sh"

put /ess_1/status/plant/mode 1
is '"Run"' "$(get /ess_1/status/plant/text)"
is 0 "$(get /ess_1/status/plant/last)"
ess-actors trace /ess_1/status/plant/last >"$work/trace" || fail "no trace"
grep -q '/status/plant:mode  remap onSet\[1\].remap\[0\] .*closed (/sched/plant:armed is false)' "$work/trace" ||
  fail "$(cat "$work/trace")"

put /ess_1/sched/plant/armed true
put /ess_1/status/plant/mode 0
put /ess_1/status/plant/mode 1
is 1 "$(get /ess_1/status/plant/last)"
ess-actors trace /ess_1/status/plant:last >"$work/trace"
grep -q 'open (/sched/plant:armed is true)' "$work/trace" || fail "$(cat "$work/trace")"
grep -q ' 1  by actions of /status/plant:mode, after set /ess_1/status/plant/mode from web' "$work/trace" ||
  fail "$(cat "$work/trace")"
ess-actors trace /ess_1/status/plant/lsat 2>"$work/said"; is 1 $?
grep -q '/status/plant:last' "$work/said" || fail "$(cat "$work/said")"

# blocked: the longest entry decides; the prefix goes past it
fims_send -m pub -u /components/ess_1/spare_03 '{"x": 1}'
fims_send -m pub -u /components/ess_1/spare_used '{"x": 2}'
becomes /ess_1/components/ess_1/spare_used/x 2
get /ess_1/components/ess_1/spare_03/x 2>/dev/null; is 1 $?
fims_send -m pub -u /ess_1/components/ess_1/spare_03 '{"x": 3}'
becomes /ess_1/components/ess_1/spare_03/x 3
put /ess_1/blockeduris/pub '{"/components/ess_1/spare": false}'
fims_send -m pub -u /components/ess_1/spare_03 '{"x": 4}'
becomes /ess_1/components/ess_1/spare_03/x 4
