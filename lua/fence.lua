-- fence: make this connection of this node the one whose calls count.
-- KEYS 1 lease 2 nodes 3 node 4 epoch
-- ARGV 1 lease_value 2 node 3 ttl_ms 4 version
-- RETURN {"OK"} | {"HELD"}
-- COST O(log nodes)
-- HEAD keep_alive
--
-- From here on calls of this node that carry an earlier value do nothing, also those that Redis finds in its socket buffers later. Other nodes are not
-- concerned; but a server from before there were leases is, since it would take the users of all others for leftovers: {"HELD"}, by its epoch.
local epoch = redis.call('GET', KEYS[4])
if epoch and epoch ~= 'cluster:2' then return {'HELD'} end
keep_alive(KEYS[2], KEYS[4], ARGV[2], ARGV[3])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
redis.call('HSET', KEYS[3], 'version', ARGV[4])
redis.call('HSETNX', KEYS[3], 'started', redis.call('TIME')[1])
return {'OK'}
