-- end_chat: forget a pair. Both keep the number of the match: start_matching tells by it who has not heard of it.
-- KEYS 1 lease 2 user_meta 3 active_matches
-- ARGV 1 lease_value 2 prefix 3 user_id 4 match
-- RETURN {"OK"} | {"STALE"}
-- COST O(1)
-- HEAD set_idle part
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
if redis.call('HGET', KEYS[2], 'match') ~= ARGV[4] then return {'OK'} end
local partner = redis.call('HGET', KEYS[3], ARGV[3])
if partner then part(ARGV[2], KEYS[3], ARGV[3], partner) end
set_idle(KEYS[2])
return {'OK'}
