-- release: give the lease up, so that the next node need not wait for it to run out.
-- KEYS 1 epoch
-- ARGV 1 epoch_value
-- RETURN {"OK"} | {"STALE"}
-- COST O(1)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
redis.call('DEL', KEYS[1])
return {'OK'}
