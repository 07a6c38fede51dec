-- The beginning of a step on one session that touches it. KEYS: session. ARGV: last_accessed_at,
-- index prefix, 1 to return the fields as well.
local key, stamp, index_prefix, returns_fields = KEYS[1], ARGV[1], ARGV[2], ARGV[3] == '1'
