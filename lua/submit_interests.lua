-- submit_interests: write down what a user likes and where it is; a status that is there stays.
-- KEYS 1 epoch 2 user_meta 3 ban_device 4 ban_address
-- ARGV 1 epoch_value 2 channel_id 3.. topic
-- RETURN {"OK"} | {"BANNED"} | {"STALE"}
-- COST O(topics)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
if redis.call('EXISTS', KEYS[3], KEYS[4]) > 0 then return {'BANNED'} end
local topics = {}
for i = 3, #ARGV do topics[i - 2] = ARGV[i] end
redis.call('HSET', KEYS[2], 'channel_id', ARGV[2], 'interests', cjson.encode(topics))
redis.call('HSETNX', KEYS[2], 'status', 'idle')
return {'OK'}
