-- heartbeat: keep the lease; find out whether Redis still knows us, and whose leases have run out.
-- KEYS 1 lease 2 nodes 3 epoch
-- ARGV 1 lease_value 2 node 3 ttl_ms
-- RETURN {"OK", node...} | {"STALE"}
-- COST O(log nodes)
-- HEAD keep_alive
--
-- At most 16 nodes that are to be reaped, the longest dead first.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local now_ms = keep_alive(KEYS[2], KEYS[3], ARGV[2], ARGV[3])
return {'OK', unpack(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. now_ms, 'LIMIT', 0, 16))}
