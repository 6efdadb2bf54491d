#!/bin/bash
# A bit of BMS 2 reaches the words of the site through both instances; one command clears both.
. "$(dirname "$0")/../lib.sh"

ess-actors sim set bms_2 ess_2/bms_info/f_max_cell_temp=true >/dev/null || fail "no simulator"
becomes /ess_1/faults/bms_2/BMS_2_MaxCellTemp '"Trip"'
until ess-actors alarms | grep -q 'fault.*BMS_2_MaxCellTemp'; do
  [ $SECONDS -lt 20 ] || fail "no such fault: $(ess-actors alarms)"
done
word=$(get /ess_1/site/ess_1/ess_ls/ess_faults)
[ $((word >> 13 & 1)) = 1 ] || fail "bit 13 is not set in $word"

ess-actors sim set bms_2 ess_2/bms_info/f_max_cell_temp=false >/dev/null
becomes /ess_2/faults/bms_2/BMS_2_MaxCellTemp '"Normal"'
put /site/ess_1/ess_hs/clear_faults 1
becomes /ess_1/status/ess/ClearFaultsResult '"2 of 2"'
becomes /ess_1/status/bms_2/FaultCnt 0
becomes /ess_2/status/bms_2/FaultCnt 0
word=$(get /ess_1/site/ess_1/ess_ls/ess_faults)
[ $((word >> 13 & 1)) = 0 ] || fail "bit 13 is still set in $word"
