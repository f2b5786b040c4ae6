"""An agent that beats: one cycle of work, one line, again.

    agentwatch run --interval 5s --cooldown 10s -- python3 examples/agent.py

Stop it with Ctrl-C. From another terminal, `kill -STOP` its pid and watch it be ended and started again.
"""

import os
import time

# How long one cycle of this pretended work takes.
CYCLE = float(os.environ.get("CYCLE_SECONDS", "1"))

try:
    while True:
        time.sleep(CYCLE)  # here your agent would think
        print({'agent': 'my-agent', 'status': 'ok', 'tokens_used': 1234, 'ts': time.time()})
except KeyboardInterrupt:
    pass  # Ctrl-C: leave without a traceback
