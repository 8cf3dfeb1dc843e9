STORES = {}


async def do_create(bucket):
    STORES[bucket] = await kv_store.get_or_create_kv_store(NC, bucket)


async def do_one_by_one(bucket, viewers):
    store = STORES[bucket]
    started = time.perf_counter()
    for viewer in viewers:
        if not await kv_store.kv_put(store, viewer["name"], viewer, as_json=True):
            raise RuntimeError("kv_put failed")
    put = time.perf_counter() - started
    started = time.perf_counter()
    lines = 0
    for viewer in viewers:
        lines += (await kv_store.kv_get(store, viewer["name"], parse_json=True))["lines"]
    return {"put": put, "get": time.perf_counter() - started, "lines": lines}
