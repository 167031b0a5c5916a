-- heartbeat: keep the lease; find out whether Redis still knows us.
-- KEYS 1 epoch
-- ARGV 1 epoch_value 2 ttl_ms
-- RETURN {"OK"} | {"STALE"}
-- COST O(1)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'OK'}
