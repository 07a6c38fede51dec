-- What a script's reply says: a code, or an array that begins with one. The numbers are those of
-- `reply.rs`. A number above zero is DONE and what remains, in milliseconds.
local DONE = 1
local NOT_FOUND = 0
-- Not found, since the key holds no valid session.
local NO_SESSION = -1
-- Not found, since the session was rotated a short while ago; where a step that follows tombstones
-- found no session either, the suffix of the key where it might be.
local ROTATED = -2
local ID_TAKEN = 2
-- And why.
local REFUSED = 3
local NOT_AN_INTEGER, OVERFLOW, TOO_MANY_FIELDS, TOO_MANY_BYTES, TOO_MANY_SESSIONS, CONFLICT = 1, 2, 3, 4, 5, 6
-- The cross-slot index must have an entry of it first: whose the session is, its deadline, its
-- public id.
local NOT_INDEXED = 4
-- The principal is over its quota: how many entries its index has, and which.
local OVER_QUOTA = 5
-- The step failed before it changed anything; the error.
local FAILED = 6
-- To be run again: entries of ended sessions were removed; where 1 follows, sessions were ended
-- too.
local AGAIN = 9
local DENIED = 'NOPERM a command of the script'
