-- start_matching: claim the best waiter, or wait under the topics, and, who accepts anyone, for anyone who does too.
-- KEYS 1 lease 2 user_meta 3 active_matches 4 waiting 5 anyone 6 blocked 7 ban_device 8 ban_address 9 users 10.. interest
-- ARGV 1 lease_value 2 prefix 3 user_id 4 channel_id 5 search 6 match 7 ended_match 8 now_ms 9 accepts_anyone 10 identity 11 reachable 12.. topic
-- RETURN {"WAIT"} | {"ALREADY"} | {"BEHIND", match} | {"BANNED"} | {"MATCH", partner_id, partner_channel_id, partner_search, identity, topic...} | {"STALE"}
-- COST O(topics x candidates): 8 candidates a topic, and 256 where some of those may not be met, however many wait
-- HEAD part stop_waiting
--
-- The best waiter shares the most topics; of these, waits longest; of these, has the lowest id. Without one, and if both accept
-- anyone, who waits longest. Two of whom either has blocked the other never meet. The partner of the last chat comes after everybody
-- else, and another window of the caller's own device after that one.
-- Calling again for a user who waits moves it to the new topics, and it keeps its place. A call that does not know of the user's last
-- match is older than that match and is refused: {"ALREADY"}.
--
-- Only those are claimed whose node the caller's can tell of it: reachable, node ids each with a blank before and after. And only if that node
-- has a lease: who has none may be gone, and is reaped soon. Of one user the match ids grow, so one that is not above the last of both is
-- refused before anything is written: {"BEHIND", the higher of these}. They have more digits than a Lua number, hence strings.
-- Who waits has told its last one, which a Redis that has forgotten the user does not know.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
if redis.call('EXISTS', KEYS[7], KEYS[8]) > 0 then return {'BANNED'} end
local user_meta, active, waiting, anyone, blocked = KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local prefix, user, now, accepts_anyone = ARGV[2], ARGV[3], ARGV[8], ARGV[9] == '1'
local first_topic = 10 -- in KEYS; ARGV has it 2 later
local few, many = 8, 256
local own_node = string.match(ARGV[4], '^[^:]*')

local function is_above(match, other)
  return #match > #other or (#match == #other and match > other)
end

local known = redis.call('HMGET', user_meta, 'match', 'joined', 'last')
if is_above(known[1] or '0', ARGV[7]) then return {'ALREADY'} end

local since = now
if known[2] then
  since = redis.call('ZSCORE', waiting, user) or now
  few, many = few + 1, many + 1 -- the user itself is among them
end

local topics, topic_keys = {}, {}
for k = first_topic, #KEYS do
  topics[#topics + 1] = ARGV[k + 2]
  topic_keys[#topic_keys + 1] = KEYS[k]
end
local interests = cjson.encode(topics)

-- A sample of each set, so that a large one costs no more than a small one; the best first.
local function candidates_of(keys, count)
  local ids, seen = {}, {}
  for _, key in ipairs(keys) do
    for _, id in ipairs(redis.call('SRANDMEMBER', key, count)) do
      if id ~= user and not seen[id] then
        seen[id] = true
        ids[#ids + 1] = id
      end
    end
  end
  if #ids == 0 then return ids end
  local candidates = {}
  local scores = redis.call('ZMSCORE', waiting, unpack(ids))
  local is_blocked = redis.call('SMISMEMBER', blocked, unpack(ids))
  for c, id in ipairs(ids) do
    candidates[c] = {id = id, common = {}, since = tonumber(scores[c] or now), is_blocked = is_blocked[c] == 1}
  end
  for t, key in ipairs(topic_keys) do
    for c, is_member in ipairs(redis.call('SMISMEMBER', key, unpack(ids))) do
      if is_member == 1 then table.insert(candidates[c].common, topics[t]) end
    end
  end
  table.sort(candidates, function(a, b)
    if #a.common ~= #b.common then return #a.common > #b.common end
    if a.since ~= b.since then return a.since < b.since end
    return a.id < b.id
  end)
  return candidates
end

local function may_be_told(channel_id)
  local node = string.match(channel_id or '', '^[^:]*')
  if not string.find(ARGV[11], ' ' .. node .. ' ', 1, true) then return false end
  return node == own_node or redis.call('EXISTS', prefix .. 'lease:' .. node) == 1
end

-- The last chat is over, even if its end has not been told here yet; and so is the wait.
local function become_free()
  local former = redis.call('HGET', active, user)
  if former then part(prefix, active, user, former) end
  if known[2] then stop_waiting(prefix, waiting, user, known[2]) end
end

local function claim(candidate)
  local id, meta, partner = candidate.id, candidate.meta, candidate.partner
  local last, other = ARGV[7], partner[7] or '0'
  if is_above(other, last) then last = other end
  if not is_above(ARGV[6], last) then return {'BEHIND', last} end
  redis.call('SADD', KEYS[9], user)
  become_free()
  stop_waiting(prefix, waiting, id, partner[4])
  redis.call('HSET', active, user, id, id, user)
  redis.call('HSET', meta, 'status', 'chatting', 'match', ARGV[6], 'last', user)
  redis.call('HDEL', meta, 'joined', 'search')
  redis.call('HSET', user_meta, 'channel_id', ARGV[4], 'interests', interests, 'status', 'chatting', 'match', ARGV[6], 'last', id)
  redis.call('HDEL', user_meta, 'joined', 'search')
  return {'MATCH', id, partner[2], partner[3], partner[6], unpack(candidate.common)}
end

-- The first half of an identity; none if it is not known.
local function device_of(identity)
  identity = string.match(identity or '', '^%x+$') or ''
  local device = string.sub(identity, 1, #identity / 2)
  return string.find(device, '[^0]') and device
end

local own_device = device_of(ARGV[10])
local avoided = {} -- partners of the last chat, of either side
local own = {} -- of the same device
-- The first who may be met, claimed; and whether others might be among those that were not looked at.
local function claim_best(keys, count)
  local has_skipped = false
  for _, candidate in ipairs(candidates_of(keys, count)) do
    local id = candidate.id
    candidate.meta = prefix .. 'user_meta:' .. id
    candidate.partner = redis.call('HMGET', candidate.meta, 'status', 'channel_id', 'search', 'joined', 'last', 'identity', 'match')
    if candidate.partner[1] ~= 'searching' or redis.call('HEXISTS', active, id) == 1 then
      -- Nobody who waits: this id has no business in any set.
      for _, key in ipairs(keys) do redis.call('SREM', key, id) end
      redis.call('ZREM', waiting, id)
    elseif candidate.is_blocked or redis.call('SISMEMBER', prefix .. 'blocked:' .. id, user) == 1 or
        not may_be_told(candidate.partner[2]) then
      has_skipped = true
    elseif id == known[3] or candidate.partner[5] == user then
      has_skipped = true
      avoided[#avoided + 1] = candidate
    elseif own_device and device_of(candidate.partner[6]) == own_device then
      has_skipped = true
      own[#own + 1] = candidate
    else
      return claim(candidate)
    end
  end
  return nil, has_skipped
end

local sources = {topic_keys}
if accepts_anyone then sources[2] = {anyone} end
for _, keys in ipairs(sources) do
  local reply, has_skipped = claim_best(keys, few)
  if has_skipped then reply = claim_best(keys, many) end
  if reply then return reply end
end
local last_choice = avoided[1] or own[1]
if last_choice then return claim(last_choice) end

redis.call('SADD', KEYS[9], user)
become_free()
for _, key in ipairs(topic_keys) do redis.call('SADD', key, user) end
if accepts_anyone then redis.call('SADD', anyone, user) end
redis.call('ZADD', waiting, since, user)
redis.call('HSET', user_meta, 'channel_id', ARGV[4], 'interests', interests, 'status', 'searching',
  'search', ARGV[5], 'joined', interests, 'identity', ARGV[10])
if ARGV[7] ~= '0' then redis.call('HSET', user_meta, 'match', ARGV[7]) end
return {'WAIT'}
