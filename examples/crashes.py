"""An agent that dies of a bad configuration at every start. The third failure calls a human.

    agentwatch run --cooldown 2s -- python3 examples/crashes.py
    agentwatch resume crashes
"""

import os

key = os.environ["BROKER_TOKEN_THAT_NOBODY_SET"]
print("trading with", key)
