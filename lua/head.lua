-- head: what several scripts do alike. The build puts it in front of each that has a line HEAD, which names the functions it calls.
-- KEYS none
-- ARGV none
-- RETURN none
-- COST O(topics) for stop_waiting, O(1) for the others
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
