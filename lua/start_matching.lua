-- start_matching: claim the best waiter, or wait under the topics.
-- KEYS 1 epoch 2 user_meta 3 active_matches 4 waiting 5.. interest
-- ARGV 1 epoch_value 2 prefix 3 user_id 4 channel_id 5 search 6 match 7 ended_match 8 now_ms 9.. topic
-- RETURN {"WAIT"} | {"ALREADY"} | {"MATCH", partner_id, partner_channel_id, partner_search, topic...} | {"STALE"}
-- COST O(topics x candidates), at most 8 candidates a topic, however many wait
--
-- The best waiter shares the most topics; of these, waits longest; of these, has the lowest id. Calling again for a user who
-- waits moves it to the new topics, and it keeps its place. A call that does not know of the user's last match is older
-- than that match and is refused: {"ALREADY"}.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
local user_meta, active, waiting = KEYS[2], KEYS[3], KEYS[4]
local prefix, user, now = ARGV[2], ARGV[3], ARGV[8]
local first_topic = 5 -- in KEYS; ARGV has it 4 later

local known = redis.call('HMGET', user_meta, 'match', 'joined')
if known[1] and known[1] ~= ARGV[7] then return {'ALREADY'} end

local function set_idle(id)
  local meta = prefix .. 'user_meta:' .. id
  if redis.call('HGET', meta, 'status') == 'chatting' then redis.call('HSET', meta, 'status', 'idle') end
end

-- The last chat is over, even if its end has not been told here yet.
local former = redis.call('HGET', active, user)
if former then
  redis.call('HDEL', active, user)
  if redis.call('HGET', active, former) == user then
    redis.call('HDEL', active, former)
    set_idle(former)
  end
end

local function leave_topics(id, joined)
  for _, topic in ipairs(cjson.decode(joined)) do
    redis.call('SREM', prefix .. 'interest:' .. topic, id)
  end
end

local since = now
if known[2] then
  since = redis.call('ZSCORE', waiting, user) or now
  leave_topics(user, known[2])
  redis.call('ZREM', waiting, user)
end

-- Candidates: a sample of each topic, so that a large set costs no more than a small one.
local ids, seen = {}, {}
for k = first_topic, #KEYS do
  for _, id in ipairs(redis.call('SRANDMEMBER', KEYS[k], 8)) do
    if id ~= user and not seen[id] then
      seen[id] = true
      ids[#ids + 1] = id
    end
  end
end

local topics = {}
for k = first_topic, #KEYS do topics[#topics + 1] = ARGV[k + 4] end
local interests = cjson.encode(topics)

if #ids > 0 then
  local candidates = {}
  local scores = redis.call('ZMSCORE', waiting, unpack(ids))
  for c, id in ipairs(ids) do
    candidates[c] = {id = id, common = {}, since = tonumber(scores[c] or now)}
  end
  for k = first_topic, #KEYS do
    for c, is_member in ipairs(redis.call('SMISMEMBER', KEYS[k], unpack(ids))) do
      if is_member == 1 then table.insert(candidates[c].common, ARGV[k + 4]) end
    end
  end
  table.sort(candidates, function(a, b)
    if #a.common ~= #b.common then return #a.common > #b.common end
    if a.since ~= b.since then return a.since < b.since end
    return a.id < b.id
  end)

  for _, candidate in ipairs(candidates) do
    local id = candidate.id
    local meta = prefix .. 'user_meta:' .. id
    local partner = redis.call('HMGET', meta, 'status', 'channel_id', 'search', 'joined')
    if partner[1] == 'searching' and redis.call('HEXISTS', active, id) == 0 then
      leave_topics(id, partner[4])
      redis.call('ZREM', waiting, id)
      redis.call('HSET', active, user, id, id, user)
      redis.call('HSET', meta, 'status', 'chatting', 'match', ARGV[6])
      redis.call('HDEL', meta, 'joined', 'search')
      redis.call('HSET', user_meta, 'channel_id', ARGV[4], 'interests', interests, 'status', 'chatting', 'match', ARGV[6])
      redis.call('HDEL', user_meta, 'joined', 'search')
      return {'MATCH', id, partner[2], partner[3], unpack(candidate.common)}
    end
    -- Nobody who waits: this id has no business in any set.
    for k = first_topic, #KEYS do redis.call('SREM', KEYS[k], id) end
    redis.call('ZREM', waiting, id)
  end
end

for k = first_topic, #KEYS do redis.call('SADD', KEYS[k], user) end
redis.call('ZADD', waiting, since, user)
redis.call('HSET', user_meta, 'channel_id', ARGV[4], 'interests', interests, 'status', 'searching',
  'search', ARGV[5], 'joined', interests)
return {'WAIT'}
