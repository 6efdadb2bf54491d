#!/bin/bash
# A schedule publishes; fims_listen prints records that grep and sed take apart.
. "$(dirname "$0")/../lib.sh"

push publishing || fail "publishing was refused"
listen "$work/heard" /site/ess_1/words
put /ess_1/system/commands/run '{"value": 1, "uri": "/sched/ess:pub", "every": 0.1, "offset": 0}'
holds "$work/heard" '^Body:         {"power":-12.5,"state":3}$' 3
put /ess_1/system/commands/stop '{"value": 1, "uri": "/sched/ess:pub", "in": 0}'

record=$(grep -B3 -A2 '^Body: *{"power"' "$work/heard" | head -6)
is 'Method:       pub' "$(echo "$record" | sed -n 1p)"
is 'Uri:          /site/ess_1/words' "$(echo "$record" | sed -n 2p)"
is 'ReplyTo:' "$(echo "$record" | sed -n 3p)"
echo "$record" | sed -n 5p | grep -Eq '^Timestamp:    [0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}$' ||
  fail "no time in: $record"
is '' "$(echo "$record" | sed -n 6p)"
is -12.5 "$(sed -n 's/^Body: *{"power":\([^,]*\),.*/\1/p' "$work/heard" | head -1)"

fims_send -m set -r "/answers/$$" -u /site/ess_1/words/state 4 >/dev/null
holds "$work/heard" "^ReplyTo:      /answers/$$\$"
