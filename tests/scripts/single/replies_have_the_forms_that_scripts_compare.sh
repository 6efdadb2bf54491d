#!/bin/bash
# Every form of a set and its echo, and of a get, as text that a script compares.
. "$(dirname "$0")/../lib.sh"
t=/ess_1/status/replies

is '{"a":"go"}' "$(fims_send -m set -r /$$ -u $t/a '"go"')"
is '{"a":1,"b":{"value":"$$","p":2}}' "$(fims_send -m set -r /$$ -u $t '{"a": 1, "b": {"value": "$$", "p": 2}}')"
is '{"c":{"value":3,"unit":"V"}}' "$(fims_send -m set -r '/$$' -u $t/c '   {"value": 3, "unit": "V"}   ')"
is '' "$(fims_send -m set -u $t/d ' -5 ')"
is '' "$(fims_send -m pub -r /$$ -u $t/d '-6')"

is '-6' "$(get $t/d)"
is '"go"' "$(get $t/a)"                        # a set of another kind leaves the value
is '2' "$(get $t/b@p)"
is '{"c":{"value":3,"unit":"V"}}' "$(get /ess_1/full/status/replies/c)"
is '{"/status/replies":{"a":"go","b":false,"c":3,"d":-6}}' "$(get /ess_1/naked/status/replies)"
is '{"a":{"value":"go"},"b":{"value":false},"c":{"value":3},"d":{"value":-6}}' "$(get $t)"

put "$t" '{"word": 0, "word[3]": true}'
is '8' "$(get $t/word)"

# what is wrong says so and ends non-zero, with nothing on standard output
is '' "$(get $t/Word 2>"$work/said")"
get $t/Word 2>/dev/null; is 1 $?
grep -q '/status/replies:word' "$work/said" || fail "no near name in: $(cat "$work/said")"
fims_send -m set -u $t/a nonsense 2>"$work/said"; is 1 $?
grep -q 'not JSON' "$work/said" || fail "$(cat "$work/said")"
fims_send -m set -u $t/a 2>/dev/null; is 1 $?
fims_send -u $t/a 2>/dev/null; is 2 $?
ESS_ACTORS_API=127.0.0.1:1 fims_send -m get -u $t/a 2>/dev/null; is 2 $?
fims_send -m del -u $t/a; is 0 $?
is '"go"' "$(get $t/a)"
