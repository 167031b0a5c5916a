-- restore_chat: write back that a user is in a chat, after Redis has forgotten it. Both partners say so, each for itself.
-- KEYS 1 lease 2 user_meta 3 active_matches 4 waiting 5 users
-- ARGV 1 lease_value 2 prefix 3 user_id 4 channel_id 5 match 6 partner_id 7.. topic
-- RETURN {"OK"} | {"STALE"}
-- COST O(topics)
-- HEAD part stop_waiting
--
-- The pair is written by whoever comes second, and only while the partner has nobody else and does not search: then it
-- has left this chat, and word of that is on its way.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
local user_meta, active, waiting = KEYS[2], KEYS[3], KEYS[4]
local prefix, user, partner = ARGV[2], ARGV[3], ARGV[6]

redis.call('SADD', KEYS[5], user)
local joined = redis.call('HGET', user_meta, 'joined')
if joined then
  stop_waiting(prefix, waiting, user, joined)
  redis.call('HDEL', user_meta, 'joined', 'search')
end
local topics = {}
for i = 7, #ARGV do topics[i - 6] = ARGV[i] end
redis.call('HSET', user_meta, 'channel_id', ARGV[4], 'interests', cjson.encode(topics), 'status', 'chatting', 'match', ARGV[5],
  'last', partner)

local other = redis.call('HGET', active, user)
if other and other ~= partner then part(prefix, active, user, other) end
local status = redis.call('HGET', prefix .. 'user_meta:' .. partner, 'status')
if status and status ~= 'searching' and redis.call('HEXISTS', active, partner) == 0 then
  redis.call('HSET', active, user, partner, partner, user)
end
return {'OK'}
