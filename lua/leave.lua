-- leave: forget a user, wherever it is.
-- KEYS 1 epoch 2 user_meta 3 active_matches 4 waiting 5 blocked
-- ARGV 1 epoch_value 2 prefix 3 user_id
-- RETURN {"OK"} | {"STALE"}
-- COST O(topics)
-- HEAD part stop_waiting
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
local joined = redis.call('HGET', KEYS[2], 'joined')
if joined then stop_waiting(ARGV[2], KEYS[4], ARGV[3], joined) end
local partner = redis.call('HGET', KEYS[3], ARGV[3])
if partner then part(ARGV[2], KEYS[3], ARGV[3], partner) end
redis.call('DEL', KEYS[2], KEYS[5])
return {'OK'}
