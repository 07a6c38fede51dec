-- KEYS: index. ARGV: what `remove_entries` takes. Returns {DONE}.
remove_entries(KEYS[1], 1)
return { DONE }
