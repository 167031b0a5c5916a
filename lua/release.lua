-- release: give the lease up. Nothing of the node is left if its users have left before; else the others reap it.
-- KEYS 1 lease 2 users_of_node 3 nodes 4 node 5 epoch
-- ARGV 1 lease_value 2 node
-- RETURN {"OK"} | {"STALE"}
-- COST O(log nodes)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('ZREM', KEYS[3], ARGV[2])
  redis.call('DEL', KEYS[4])
end
if redis.call('EXISTS', KEYS[3]) == 0 then redis.call('DEL', KEYS[5]) end -- that was the last one
return {'OK'}
