-- submit_interests: write down what a user likes and where it is; a status that is there stays.
-- KEYS 1 lease 2 user_meta 3 ban_device 4 ban_address 5 users
-- ARGV 1 lease_value 2 user_id 3 channel_id 4.. topic
-- RETURN {"OK"} | {"BANNED"} | {"STALE"}
-- COST O(topics)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
if redis.call('EXISTS', KEYS[3], KEYS[4]) > 0 then return {'BANNED'} end
local topics = {}
for i = 4, #ARGV do topics[i - 3] = ARGV[i] end
redis.call('SADD', KEYS[5], ARGV[2]) -- first, so that nothing that is written is without a node
redis.call('HSET', KEYS[2], 'channel_id', ARGV[3], 'interests', cjson.encode(topics))
redis.call('HSETNX', KEYS[2], 'status', 'idle')
return {'OK'}
