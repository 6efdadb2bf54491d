#!/bin/bash
# A device bit becomes a fault, a latched line, a site bit; the site clears it; it comes back while it persists.
. "$(dirname "$0")/../lib.sh"
bms=/components/ess_1/bms_info

push faults || fail "faults was refused"
fims_send -m pub -u $bms '{"f_temp": true}'
becomes /ess_1/status/ess/FaultCnt 1
is true "$(get /ess_1/status/ess/FaultShutdown)"
is 4 "$(get /ess_1/site/ess_1/ess_ls/ess_faults)"
get /ess_1/assets/ess/summary | grep -q '"name":"\[OverTemp\] received \[Trip\] at ' || fail "no line in the list"

fims_send -m pub -u $bms '{"f_temp": false}'
becomes /ess_1/faults/ess/OverTemp '"Normal"'
is 1 "$(get /ess_1/status/ess/FaultCnt)"

put /site/ess_1/ess_hs/clear_faults 1
becomes /ess_1/status/ess/FaultCnt 0
is 0 "$(get /ess_1/site/ess_1/ess_ls/ess_faults)"
is 0 "$(get /ess_1/site/ess_1/ess_hs/clear_faults)"
is false "$(get /ess_1/status/ess/FaultShutdown)"
is true "$(get /ess_1/status/ess/ClearFaultsDone)"
is 0 "$(get /ess_1/assets/ess/summary/faults)"

fims_send -m pub -u $bms '{"f_temp": true}'
becomes /ess_1/status/ess/FaultCnt 1
fims_send -m pub -u $bms '{"f_temp": false}'
put /site/ess_1/ess_hs/clear_faults 1
becomes /ess_1/status/ess/FaultCnt 0
