#!/bin/bash
# Start, setpoint, what the meters say, stop: the registers of the site controller as uris.
. "$(dirname "$0")/../lib.sh"
hs=/site/ess_1/ess_hs

put $hs/start_stop 207
becomes /ess_1/site/ess_1/ess_ls/system_state 2
put $hs/active_power_setpoint -200
until [ "$(get /ess_1/naked/status/bms/DCPower | sed 's/\..*//')" -lt -150 ]; do
  [ $SECONDS -lt 25 ] || fail "the power is $(get /ess_1/status/bms/DCPower)"
done
put $hs/active_power_setpoint 0
put $hs/start_stop 206
becomes /ess_1/site/ess_1/ess_ls/system_state 1
