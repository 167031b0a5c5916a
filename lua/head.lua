-- head: what several scripts do alike. The build puts it in front of each that has a line HEAD, which names the functions it calls.
-- KEYS none
-- ARGV none
-- RETURN none
-- COST O(topics) for stop_waiting and forget, O(log nodes) for keep_alive, O(1) for the others
--
-- Keys come as arguments: each script has its own order of them. A user's id and the keys' prefix make the others.

-- Of a user who was in a chat. meta: its key.
local function set_idle(meta)
  if redis.call('HGET', meta, 'status') == 'chatting' then redis.call('HSET', meta, 'status', 'idle') end
end

-- Take a pair out of active_matches; the partner is idle from now on, unless it has gone on to somebody else. The user's own status is the
-- caller's. partner: whom active_matches names.
local function part(prefix, active, user, partner)
  redis.call('HDEL', active, user)
  if redis.call('HGET', active, partner) == user then
    redis.call('HDEL', active, partner)
    set_idle(prefix .. 'user_meta:' .. partner)
  end
end

-- Leave all sets that a user waits in. What user_meta says of it is the caller's. joined: as it is there.
local function stop_waiting(prefix, waiting, user, joined)
  for _, topic in ipairs(cjson.decode(joined)) do
    redis.call('SREM', prefix .. 'interest:' .. topic, user)
  end
  redis.call('SREM', prefix .. 'anyone', user)
  redis.call('ZREM', waiting, user)
end

-- Forget a user, wherever it is.
local function forget(prefix, active, waiting, user, meta, blocked)
  local joined = redis.call('HGET', meta, 'joined')
  if joined then stop_waiting(prefix, waiting, user, joined) end
  local partner = redis.call('HGET', active, user)
  if partner then part(prefix, active, user, partner) end
  redis.call('DEL', meta, blocked)
end

-- A node lives for ttl_ms from now, by Redis' clock, which is returned in ms. epoch: that servers from before there were leases keep away.
local function keep_alive(nodes, epoch, node, ttl_ms)
  local now = redis.call('TIME')
  local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
  redis.call('ZADD', nodes, string.format('%.0f', now_ms + ttl_ms), node)
  redis.call('SET', epoch, 'cluster:2', 'PX', ttl_ms)
  return string.format('%.0f', now_ms)
end
