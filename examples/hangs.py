"""An agent that beats five times and then hangs, alive and useless: the night nobody noticed.

    agentwatch run --interval 1s --cooldown 5s -- python3 examples/hangs.py
"""

import json
import os
import time

CYCLE = float(os.environ.get("CYCLE_SECONDS", "0.5"))

for cycle in range(5):
    print(json.dumps({"agent": "hangs", "status": "ok", "tokens_used": 800, "cycle": cycle}))
    time.sleep(CYCLE)

# A retry without a timeout: no output, no CPU, no exit.
while True:
    time.sleep(3600)
