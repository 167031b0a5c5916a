-- report: count a reporter against a device and an address; enough of them refuse both for a while.
-- KEYS 1 lease 2 reports_device 3 ban_device 4 reports_address 5 ban_address
-- ARGV 1 lease_value 2 reporter 3 limit 4 report_ttl_ms 5 ban_ttl_ms
-- RETURN {"OK"} | {"BANNED"} | {"STALE"}
-- COST O(1)
--
-- Devices, addresses and reporters are hashes that only the server's secret makes. One that is not known is replaced by the other.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'STALE'} end
local is_over = false
for k = 2, 4, 2 do
  redis.call('SADD', KEYS[k], ARGV[2])
  redis.call('PEXPIRE', KEYS[k], ARGV[4])
  is_over = is_over or redis.call('SCARD', KEYS[k]) >= tonumber(ARGV[3])
end
if not is_over then return {'OK'} end
for k = 2, 4, 2 do
  redis.call('SET', KEYS[k + 1], 1, 'PX', ARGV[5])
  redis.call('DEL', KEYS[k])
end
return {'BANNED'}
