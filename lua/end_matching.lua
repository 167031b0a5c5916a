-- end_matching: stop waiting, unless somebody was faster.
-- KEYS 1 lease 2 user_meta 3 active_matches 4 waiting
-- ARGV 1 lease_value 2 prefix 3 user_id
-- RETURN {"OK"} | {"MATCHED"} | {"STALE"}
-- COST O(topics)
-- HEAD stop_waiting
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
if redis.call('HEXISTS', KEYS[3], ARGV[3]) == 1 then return {'MATCHED'} end
local joined = redis.call('HGET', KEYS[2], 'joined')
if joined then
  stop_waiting(ARGV[2], KEYS[4], ARGV[3], joined)
  redis.call('HSET', KEYS[2], 'status', 'idle')
  redis.call('HDEL', KEYS[2], 'joined', 'search')
end
return {'OK'}
