STORES = {}


async def do_open(bucket):
    STORES[bucket] = await kv_store.get_kv_store(NC, bucket)


async def do_read(bucket):
    started = time.perf_counter()
    values = await kv_store.kv_get_all(STORES[bucket])
    took = time.perf_counter() - started
    proof = [len(values), sum(map(len, values.values())), sum(map(int, values.values()))]
    return {"took": took, "proof": proof}
