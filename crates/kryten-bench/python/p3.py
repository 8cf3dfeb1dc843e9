async def do_count(bucket, key, times, at_once):
    store = await kv_store.get_kv_store(NC, bucket)
    turns = asyncio.Semaphore(at_once)

    async def increment():
        async with turns:
            count = await kv_store.kv_get(store, key, default=0, parse_json=True)
            if not await kv_store.kv_put(store, key, count + 1, as_json=True):
                raise RuntimeError("kv_put failed")

    started = time.perf_counter()
    await asyncio.gather(*(increment() for _ in range(times)))
    took = time.perf_counter() - started
    return {"took": took, "arrived": await kv_store.kv_get(store, key, parse_json=True)}
