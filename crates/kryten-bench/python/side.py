"""Does with the real kryten-py what the Rust side asks for, one JSON object a line on standard input and output.

The script of a row comes after this text; its functions whose names begin with do_ are what can be asked for.
"""

import asyncio
import json
import sys
import time

import nats
from kryten import kv_store

NC = None


async def main():
    global NC
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        try:
            if NC is None:
                NC = await nats.connect(request["url"], user=request["user"], password=request["password"])
                answer = {"ok": True}
            else:
                answer = {"ok": await globals()["do_" + request.pop("do")](**request)}
        except Exception as error:  # whatever it is, the other side wants to know
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
