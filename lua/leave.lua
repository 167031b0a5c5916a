-- leave: forget a user, wherever it is.
-- KEYS 1 lease 2 user_meta 3 active_matches 4 waiting 5 blocked 6 users
-- ARGV 1 lease_value 2 prefix 3 user_id
-- RETURN {"OK"} | {"STALE"}
-- COST O(topics)
-- HEAD forget
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
forget(ARGV[2], KEYS[3], KEYS[4], ARGV[3], KEYS[2], KEYS[5])
redis.call('SREM', KEYS[6], ARGV[3])
return {'OK'}
