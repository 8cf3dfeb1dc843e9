"""Does with the real kryten-py what the Rust side asks for, one JSON object a line on standard input and output."""

import asyncio
import base64
import json
import logging
import sys
from types import SimpleNamespace

import nats
from kryten import KrytenClient, KrytenConfig, SimpleMetricsServer, kv_store, metrics_server, models, subject_builder

LOGGER = logging.getLogger("agent")


def packed(value):
    """A value in a form that JSON can carry: bytes and other things are told apart."""
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    return {"json": value}


def unpacked(value):
    if "bytes" in value:
        return base64.b64decode(value["bytes"])
    return value["json"]


class Agent:
    def __init__(self, options):
        self.options = options
        self.buckets = {}
        self.events = []
        self.arrived = asyncio.Event()
        self.nc = None
        self.client = None
        self.service = None

    async def start(self):
        self.nc = await nats.connect(
            self.options["url"], user=self.options["user"], password=self.options["password"]
        )

    async def do(self, request):
        result = getattr(self, "do_" + request.pop("do"))(**request)
        return await result if asyncio.iscoroutine(result) else result

    async def do_open(self, bucket):
        self.buckets[bucket] = await kv_store.get_kv_store(self.nc, bucket, logger=LOGGER)

    async def do_create(self, bucket, **config):
        self.buckets[bucket] = await kv_store.get_or_create_kv_store(
            self.nc, bucket, logger=LOGGER, **config
        )

    async def do_put(self, bucket, key, value, as_json=False):
        return await kv_store.kv_put(
            self.buckets[bucket], key, unpacked(value), as_json=as_json, logger=LOGGER
        )

    async def do_get(self, bucket, key, default=None, parse_json=False):
        value = await kv_store.kv_get(
            self.buckets[bucket], key, default=default, parse_json=parse_json, logger=LOGGER
        )
        return packed(value)

    async def do_delete(self, bucket, key):
        return await kv_store.kv_delete(self.buckets[bucket], key, logger=LOGGER)

    async def do_keys(self, bucket):
        return await kv_store.kv_keys(self.buckets[bucket], logger=LOGGER)

    async def do_get_all(self, bucket, parse_json=False):
        values = await kv_store.kv_get_all(
            self.buckets[bucket], parse_json=parse_json, logger=LOGGER
        )
        return {key: packed(value) for key, value in values.items()}

    def new_client(self, domain, channel, **more):
        servers = {key: self.options[key] for key in ("user", "password")}
        return KrytenClient(
            {
                "nats": {"servers": [self.options["url"]], **servers},
                "channels": [{"domain": domain, "channel": channel}],
                "log_level": "CRITICAL",
                "chat_min_delay": 0,
                "chat_jitter": 0,
                **more,
            },
            logger=LOGGER,
        )

    async def do_listen(self, domain, channel, names):
        """Starts a KrytenClient that collects what its handlers are given."""
        if self.client is not None:
            await self.client.disconnect()
        self.client = self.new_client(domain, channel)
        for name in names:
            self.client.on(name)(self.collect)
        await self.client.connect()
        # The library does not wait until the server knows of its subscriptions.
        await self.client._nats.flush()

    async def do_serve(self, domain, channel, service):
        """Starts a second KrytenClient, which announces itself as a service."""
        self.service = self.new_client(domain, channel, service=service)
        await self.service.connect()
        await self.service._nats.flush()

    def do_surface(self):
        return surface()

    async def do_pages(self, name):
        """Serves health and metrics, for a client that runs; gives the port."""
        listen = metrics_server.web.TCPSite
        # The library itself listens on all interfaces.
        metrics_server.web.TCPSite = lambda runner, host, port: listen(runner, "127.0.0.1", port)
        self.pages = SimpleMetricsServer(
            name,
            port=0,
            client=SimpleNamespace(_running=True),
            logger=LOGGER,
            health_callback=lambda: {"films": 3},
        )
        await self.pages.start()
        metrics_server.web.TCPSite = listen
        return self.pages._site._server.sockets[0].getsockname()[1]

    def do_read_config(self, path):
        return KrytenConfig.from_json(path).model_dump(mode="json")

    async def do_call(self, on, method, args=(), **kwargs):
        """Calls anything of the library; what it sent is at the server when this returns."""
        targets = {
            "client": self.client,
            "service": self.service,
            "lifecycle": self.service and self.service.lifecycle,
            "subjects": subject_builder,
            "models": models,
        }
        result = getattr(targets[on], method)(*args, **kwargs)
        if asyncio.iscoroutine(result):
            result = await result
        for client in (self.client, self.service):
            if client is not None and client.is_connected:
                # The ping of the first may overtake what was published before it.
                await client._nats.flush()
                await client._nats.flush()
        if isinstance(result, bytes):
            result = {"bytes": base64.b64encode(result).decode()}
        return json.loads(json.dumps(result, default=lambda value: type(value).__name__))

    async def do_build_event_subject(self, event):
        return subject_builder.build_event_subject(models.RawEvent(**event))

    async def collect(self, event):
        self.events.append({"type": type(event).__name__, **json.loads(event.model_dump_json())})
        self.arrived.set()

    async def do_heard(self, count):
        """What came so far, once there are so many."""
        while len(self.events) < count:
            self.arrived.clear()
            await asyncio.wait_for(self.arrived.wait(), 20)
        heard, self.events = self.events, []
        return heard

    async def do_heard_until(self, mark, payload):
        """What came before the event of this name and payload, which is left out."""
        while not any(e.get("event_name") == mark and e.get("payload") == payload for e in self.events):
            self.arrived.clear()
            await asyncio.wait_for(self.arrived.wait(), 20)
        return (await self.do_heard(0))[:-1]

    async def do_state(self, what, domain, channel):
        """Asks one of the client's state readers."""
        return await getattr(self.client, "get_state_" + what)(channel, domain=domain)

    async def do_request(self, subject, body):
        return await self.client.nats_request(subject, body)

    async def do_answer(self, subject):
        async def answer(request):
            return {"service": "python", "command": request["command"], "success": True, "data": request}

        await self.client.subscribe_request_reply(subject, answer)
        await self.client._nats.flush()


async def main():
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)
    loop = asyncio.get_running_loop()
    agent = None
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        try:
            if agent is None:
                agent = Agent(request)
                answer = {"ok": await agent.start()}
            else:
                answer = {"ok": await agent.do(request)}
        except Exception as error:  # whatever it is, the other side wants to know
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


asyncio.run(main())
