-- KEYS index. ARGV as `leave`. Answers {1}.
leave(KEYS[1], 1)
return { 1 }
