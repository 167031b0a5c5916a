-- fence: make this connection the one whose calls count, unless another node holds the lease.
-- KEYS 1 epoch
-- ARGV 1 epoch_value 2 node 3 ttl_ms
-- RETURN {"OK"} | {"HELD", epoch_value, pttl_ms}
-- COST O(1)
--
-- From here on calls that carry an earlier value do nothing, also those that Redis finds in its socket buffers later.
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, #ARGV[2] + 1) ~= ARGV[2] .. ':' then
  return {'HELD', held, tostring(redis.call('PTTL', KEYS[1]))}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return {'OK'}
