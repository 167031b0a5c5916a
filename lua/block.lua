-- block: these users never meet this one again while it is here; leave.lua forgets it.
-- KEYS 1 lease 2 user_meta 3 blocked
-- ARGV 1 lease_value 2.. partner_id
-- RETURN {"OK"} | {"STALE"}
-- COST O(partners)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
-- Of a user who is not here (refused for now, say) nobody would ever forget it.
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('SADD', KEYS[3], unpack(ARGV, 2)) end
return {'OK'}
