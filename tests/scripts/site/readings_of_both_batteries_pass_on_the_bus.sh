#!/bin/bash
# Publications of both batteries as records, and who feeds the sum of both.
. "$(dirname "$0")/../lib.sh"

listen "$work/heard" /components/ess_1/bms_info /components/ess_2/bms_info
holds "$work/heard" '^Uri:          /components/ess_1/bms_info$' 2
holds "$work/heard" '^Uri:          /components/ess_2/bms_info$' 2
soc=$(sed -n 's/^Body:.*"soc":\([0-9.]*\).*/\1/p' "$work/heard" | tail -1)
[ -n "$soc" ] || fail "no soc in $(tail -6 "$work/heard")"

ess-actors trace /ess_1/status/bms_2/SOC >"$work/trace" || fail "no trace"
sed -n '/sent to it by/,/writes/p' "$work/trace" | grep -q ' ess_2 ' || fail "$(cat "$work/trace")"
becomes /ess_1/status/bms_1/CommsOK true
becomes /ess_1/status/bms_2/CommsOK true
