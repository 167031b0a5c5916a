-- reap: forget some of the users of a node whose lease has run out, or whom an earlier connection of this node has left.
-- KEYS 1 lease 2 lease_of_node 3 users_of_node 4 active_matches 5 waiting 6 nodes 7 node
-- ARGV 1 lease_value 2 prefix 3 node 4 count
-- RETURN {"OK", left} | {"ALIVE"} | {"STALE"}
-- COST O(count x topics)
-- HEAD forget
--
-- Called again until nobody is left; then the node itself is forgotten, if it is not this one. Any node may do it, several at once, and one may go on
-- where another has died. A user is taken off the list when it is forgotten, not before: while a cluster moves our keys a script may end anywhere. Whose
-- keys somebody else has spoilt is taken off all the same, or nobody would ever get past it.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
local is_own = KEYS[2] == KEYS[1]
if not is_own and redis.call('EXISTS', KEYS[2]) == 1 then return {'ALIVE'} end
local prefix = ARGV[2]
for _, user in ipairs(redis.call('SRANDMEMBER', KEYS[3], ARGV[4])) do
  local is_done, why = pcall(forget, prefix, KEYS[4], KEYS[5], user, prefix .. 'user_meta:' .. user, prefix .. 'blocked:' .. user)
  why = type(why) == 'table' and why.err or why
  if not is_done and string.find(why, 'non local key', 1, true) then return redis.error_reply(why) end
  redis.call('SREM', KEYS[3], user)
end
local left = redis.call('SCARD', KEYS[3])
if left == 0 and not is_own then
  redis.call('ZREM', KEYS[6], ARGV[3])
  redis.call('DEL', KEYS[7])
end
return {'OK', tostring(left)}
