
-- Runs the step. What fails before it begins to change anything is said so.
local is_done, reply = pcall(step)
if is_done then return reply end
if has_begun then error(reply) end
return { FAILED, type(reply) == 'table' and reply.err or tostring(reply) }
