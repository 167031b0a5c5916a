-- leave: forget a user, wherever it is.
-- KEYS 1 epoch 2 user_meta 3 active_matches 4 waiting 5 blocked
-- ARGV 1 epoch_value 2 prefix 3 user_id
-- RETURN {"OK"} | {"STALE"}
-- COST O(topics)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
local joined = redis.call('HGET', KEYS[2], 'joined')
if joined then
  for _, topic in ipairs(cjson.decode(joined)) do
    redis.call('SREM', ARGV[2] .. 'interest:' .. topic, ARGV[3])
  end
  redis.call('SREM', ARGV[2] .. 'anyone', ARGV[3])
  redis.call('ZREM', KEYS[4], ARGV[3])
end
local partner = redis.call('HGET', KEYS[3], ARGV[3])
if partner then
  redis.call('HDEL', KEYS[3], ARGV[3])
  if redis.call('HGET', KEYS[3], partner) == ARGV[3] then
    redis.call('HDEL', KEYS[3], partner)
    local meta = ARGV[2] .. 'user_meta:' .. partner
    if redis.call('HGET', meta, 'status') == 'chatting' then redis.call('HSET', meta, 'status', 'idle') end
  end
end
redis.call('DEL', KEYS[2], KEYS[5])
return {'OK'}
