#!/bin/sh
# An agent in plain shell: a beat is one line of JSON.
#
#     agentwatch run --interval 5s -- sh examples/agent.sh

cycle=0
# An announced shutdown: say so, tidy up, exit 0.
trap 'echo "{\"agent\":\"shell\",\"status\":\"shutting_down\"}"; exit 0' TERM INT

while :; do
    cycle=$((cycle + 1))
    sleep "${CYCLE_SECONDS:-1}" & wait $!   # here your agent would work; wait lets the trap run at once
    echo "{\"agent\":\"shell\",\"status\":\"ok\",\"cycle\":$cycle}"
done
