-- report: count a reporter against a device and an address; enough of them refuse both for a while.
-- KEYS 1 lease 2 reports_device 3 ban_device 4 reports_address 5 ban_address
-- ARGV 1 lease_value 2 reporter 3 limit 4 report_ttl_ms 5 ban_ttl_ms
-- RETURN {"OK"} | {"BANNED"} | {"STALE"}
-- COST O(1)
--
-- Devices, addresses and reporters are hashes that only the server's secret makes. One that is not known is replaced by the other.
-- Where both are known it takes ADDRESS_FACTOR times as many to refuse an address for what several of its devices have done: one address is not one person.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
local ADDRESS_FACTOR = 4
local limits = {[2] = tonumber(ARGV[3]), [4] = tonumber(ARGV[3]) * (KEYS[2] == KEYS[4] and 1 or ADDRESS_FACTOR)}
local is_over = false
for k = 2, 4, 2 do
  redis.call('SADD', KEYS[k], ARGV[2])
  redis.call('PEXPIRE', KEYS[k], ARGV[4])
  is_over = is_over or redis.call('SCARD', KEYS[k]) >= limits[k]
end
if not is_over then return {'OK'} end
for k = 2, 4, 2 do
  redis.call('SET', KEYS[k + 1], 1, 'PX', ARGV[5])
  redis.call('DEL', KEYS[k])
end
return {'BANNED'}
