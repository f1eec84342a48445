/**
 * A timeline in Redis is one string: a header, free places, and the ids, 8 bytes each, newest first. An append fills
 * the last free place, so that it writes a few hundred bytes at most and not the whole timeline, to replicas too; when
 * no place is left, the string is written anew with free places again. What lies beyond the most entries is cut when
 * it's read.
 *
 *   1–8   floor     as built; when more than the most entries are there, the oldest kept is the floor
 *   9–16  epoch
 *  17–20  touched   seconds since 1970 when its expiry was last put off
 *  21–28  history   of the server that it was written on, see below
 *     29  state     "P": present. "S": a stub, which is no timeline but a mark that one is being built
 *     30  building  "1": appends are also kept in the list KEY:b, whose first element is the build's ticket
 *  31–38  newest    the first id, or zeros
 *  39–42  free      places between this and the ids
 *
 * Appending is what Redis does most, a million times for one post of somebody famous, so it takes two commands a
 * timeline: one reads 22 bytes, one writes newest, free, the places that are still free, and the id. Offsets are texts
 * because Redis prints each number that a script passes.
 *
 * History. A replica that takes over may lack the last appends, and a server that starts from a snapshot lacks all
 * since: timelines that are present there have holes. But each time a server begins to write on its own (taking over,
 * or starting), Redis gives it a new replication id. So every script compares the id of now, in the same moment as it
 * reads or writes, with the start of the one in the timeline: a timeline of another history is missing. That a replica
 * that takes over makes all its timelines missing at once is the price; each is built again when it's read, one at a
 * time.
 */
import { Script } from "../redis/client.ts";

/** Free places of a timeline written anew: 512 bytes, which with 800 entries just fit 7 kB, as Redis allots. */
const FREE = 64;
/** Among how many of the newest an id that comes late is looked for a place, before the whole timeline is rewritten. */
const NEAR = 32;
/** How many appended ids a build under way may keep; past that the build is given up, and tried again. */
const MAX_PENDING = 10_000;

const COMMON = `
local FREE, HEADER, NONE = ${FREE}, 42, string.rep('\\0', 8)
local call, sub, unpack = redis.call, string.sub, struct.unpack

-- Nil on a replica, which may be behind.
local function history()
  local info = call('INFO', 'replication')
  if not string.find(info, 'role:master', 1, true) then return nil end
  local high, low = string.match(info, 'master_replid:(%x%x%x%x%x%x%x%x)(%x%x%x%x%x%x%x%x)')
  return struct.pack('>I4I4', tonumber(high, 16), tonumber(low, 16))
end
local own = history()
if not own then return redis.error_reply('READONLY this server is a replica') end

-- Comparing texts would follow the locale, and numbers hold 53 bits: so in two halves.
local function below(a, b)
  local ah, al = unpack('>I4I4', a)
  local bh, bl = unpack('>I4I4', b)
  return ah < bh or (ah == bh and al < bl)
end
local function at(ids, place) return sub(ids, place * 8 - 7, place * 8) end

-- How many of the ids, newest first, are not below the id.
local function countFrom(ids, id)
  local low, high = 0, #ids / 8
  while low < high do
    local middle = math.floor((low + high) / 2)
    if below(at(ids, middle + 1), id) then high = middle else low = middle + 1 end
  end
  return low
end

local function union(a, b)
  if b == '' then return a end
  local all, i, j = {}, 1, 1
  while i <= #a / 8 and j <= #b / 8 do
    local x, y = at(a, i), at(b, j)
    if x == y then i = i + 1; j = j + 1
    elseif below(x, y) then x = y; j = j + 1
    else i = i + 1 end
    all[#all + 1] = x
  end
  return table.concat(all) .. sub(a, i * 8 - 7) .. sub(b, j * 8 - 7)
end

local function drop(key) call('UNLINK', key, key .. ':b') end

-- The header of what is there and of this history.
local function headerOf(key)
  local header = call('GETRANGE', key, '0', '41')
  if header ~= '' and sub(header, 21, 28) == own then return header end
end
local function isPresent(header) return header and sub(header, 29, 29) == 'P' end

local function load(key, most)
  local all = call('GET', key)
  local ids = sub(all, HEADER + 1 + unpack('>I4', all, 39) * 8)
  local floor = sub(all, 1, 8)
  if #ids > most * 8 then
    ids = sub(ids, 1, most * 8)
    floor = sub(ids, -8)
  end
  return { ids = ids, floor = floor, epoch = sub(all, 9, 16), touched = sub(all, 17, 20), building = sub(all, 30, 30) }
end

-- A timeline that can't be stored whole is missing, or it would lack what it couldn't take. So it gives way when Redis
-- is full and may evict nothing, too.
local function save(key, line, most, ...)
  local ids, floor = line.ids, line.floor
  if #ids > most * 8 then
    ids = sub(ids, 1, most * 8)
    floor = sub(ids, -8)
  end
  local newest = #ids > 0 and sub(ids, 1, 8) or NONE
  local result = redis.pcall('SET', key, floor .. line.epoch .. line.touched .. own .. 'P' .. line.building
    .. newest .. struct.pack('>I4', FREE) .. string.rep(NONE, FREE) .. ids, ...)
  if type(result) == 'table' and result.err then drop(key) return false end
  return true
end
`;

/** KEYS: timelines. ARGV: id, most entries. → how many hold it now. */
export const APPEND = new Script(`${COMMON}
local id, most, holding = ARGV[1], tonumber(ARGV[2]), 0
local high, low = unpack('>I4I4', id)
local ownHigh, ownLow = unpack('>I4I4', own)
local unpack, call, pcall = unpack, call, redis.pcall

-- What is written where so many places are free: newest, free, the places that stay free, and the id.
local written = {}
local function writeFor(free)
  written[free] = id .. struct.pack('>I4', free - 1) .. string.rep(NONE, free - 1) .. id
  return written[free]
end

-- One that comes late, as happens where several lanes and partitions are worked off at once. Mostly it belongs among
-- the newest: then those above it move down by one place, and all below stay as they are. What leaves the timeline by
-- that at its end is cut when it's read, as after any append.
local function insert(key, free)
  if free > 0 then
    local start = HEADER + free * 8
    local near = call('GETRANGE', key, start, start + ${NEAR} * 8 - 1)
    local before = countFrom(near, id)
    if before > 0 and before <= most and at(near, before) == id then return 1 end
    -- Something that is kept is below it, so the floor is too.
    if before > 0 and before < most and before * 8 < #near then
      local moved = sub(near, 1, 8) .. struct.pack('>I4', free - 1) .. string.rep(NONE, free - 1)
        .. sub(near, 1, before * 8) .. id
      if type(pcall('SETRANGE', key, '30', moved)) == 'table' then drop(key) return 0 end
      return 1
    end
  end
  local line = load(key, most)
  if below(id, line.floor) then return 0 end
  local before = countFrom(line.ids, id)
  if before > 0 and at(line.ids, before) == id then return 1 end
  line.ids = sub(line.ids, 1, before * 8) .. id .. sub(line.ids, before * 8 + 1)
  return save(key, line, most, 'KEEPTTL') and 1 or 0
end

for i = 1, #KEYS do
  local key = KEYS[i]
  local header = call('GETRANGE', key, '20', '41')
  if header ~= '' then
    local thatHigh, thatLow, state, building, newestHigh, newestLow, free = unpack('>I4I4BBI4I4I4', header)
    if thatHigh ~= ownHigh or thatLow ~= ownLow then drop(key)
    else
      if building == 49 and call('RPUSHX', key .. ':b', id) > ${MAX_PENDING} then call('UNLINK', key .. ':b') end
      if state == 80 then
        -- Without a newest one, the floor decides.
        local isNewest = (high > newestHigh or (high == newestHigh and low > newestLow))
          and (newestHigh > 0 or newestLow > 0)
        if isNewest and free > 0 then
          if type(pcall('SETRANGE', key, '30', written[free] or writeFor(free))) == 'table' then drop(key)
          else holding = holding + 1 end
        elseif high == newestHigh and low == newestLow then holding = holding + 1
        else holding = holding + insert(key, free) end
      end
    end
  end
end
return holding`);

/**
 * KEYS: a timeline. ARGV: before or nothing, limit, most entries, now in seconds, seconds after which expiry is put off
 * again, idle time in ms. → nil, or floor, epoch and ids in one text.
 */
export const READ = new Script(`${COMMON}
local key, before, limit, most, now = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local header = headerOf(key)
if not isPresent(header) then return false end
local free, touched = unpack('>I4', header, 39), unpack('>I4', header, 17)
local start = HEADER + free * 8
local count = (call('STRLEN', key) - start) / 8
local floor = sub(header, 1, 8)
if count > most then
  count = most
  floor = call('GETRANGE', key, start + (most - 1) * 8, start + most * 8 - 1)
end
local ids
if before == '' then ids = call('GETRANGE', key, start, start + math.min(limit, count) * 8 - 1)
else
  local all = call('GETRANGE', key, start, start + count * 8 - 1)
  local skipped = countFrom(all, before)
  ids = sub(all, skipped * 8 + 1, (skipped + limit) * 8)
end
if now - touched >= tonumber(ARGV[5]) then
  call('PEXPIRE', key, ARGV[6])
  redis.pcall('SETRANGE', key, '16', struct.pack('>I4', now))
end
return floor .. sub(header, 9, 16) .. ids`);

/** KEYS: a timeline. ARGV: ticket, how long a build may take in ms. */
export const BEGIN_BUILD = new Script(`${COMMON}
local key, ticket, most = KEYS[1], ARGV[1], ARGV[2]
if isPresent(headerOf(key)) then call('SETRANGE', key, '29', '1')
else call('SET', key, NONE .. NONE .. sub(NONE, 1, 4) .. own .. 'S1' .. NONE .. sub(NONE, 1, 4), 'PX', most) end
call('UNLINK', key .. ':b')
call('RPUSH', key .. ':b', ticket)
call('PEXPIRE', key .. ':b', most)
return 1`);

/**
 * KEYS: a timeline. ARGV: ticket, ids, floor, epoch, most entries, now in seconds, idle time in ms. → 1 when stored.
 *
 * Stale also when mark or list are gone (evicted, expired, flushed), or the history is another: then appends may be
 * lost that the build would have had to take in.
 */
export const FINISH_BUILD = new Script(`${COMMON}
local key, floor = KEYS[1], ARGV[3]
local header = headerOf(key)
if not header or sub(header, 30, 30) ~= '1' then return 0 end
local pending = call('LRANGE', key .. ':b', 0, -1)
if pending[1] ~= ARGV[1] then return 0 end
call('UNLINK', key .. ':b')
local added = {}
for i = 2, #pending do
  if not below(pending[i], floor) then added[#added + 1] = pending[i] end
end
table.sort(added, function(a, b) return below(b, a) end)
local distinct = {}
for _, id in ipairs(added) do
  if distinct[#distinct] ~= id then distinct[#distinct + 1] = id end
end
local line = { floor = floor, epoch = ARGV[4], touched = struct.pack('>I4', tonumber(ARGV[6])), building = '0' }
line.ids = union(ARGV[2], table.concat(distinct))
return save(key, line, tonumber(ARGV[5]), 'PX', ARGV[7]) and 1 or 0`);

/** KEYS: a timeline. ARGV: ids, floor, epoch of before, epoch to be, most entries. → "merged", "missing", "stale". */
export const MERGE = new Script(`${COMMON}
local key, most = KEYS[1], tonumber(ARGV[5])
if not isPresent(headerOf(key)) then drop(key) return 'missing' end
local line = load(key, most)
if line.epoch ~= ARGV[3] or below(line.floor, ARGV[2]) then drop(key) return 'stale' end
-- A build under way may have read the relations of before the change: it must not be stored.
call('UNLINK', key .. ':b')
line.ids = union(line.ids, sub(ARGV[1], 1, countFrom(ARGV[1], line.floor) * 8))
line.epoch, line.building = ARGV[4], '0'
return save(key, line, most, 'KEEPTTL') and 'merged' or 'stale'`);

/** KEYS: timelines. ARGV: most entries, then ids. */
export const REMOVE = new Script(`${COMMON}
local most = tonumber(ARGV[1])
for _, key in ipairs(KEYS) do
  if isPresent(headerOf(key)) then
    local line = load(key, most)
    local size = #line.ids
    for i = 2, #ARGV do
      local place = countFrom(line.ids, ARGV[i])
      if place > 0 and at(line.ids, place) == ARGV[i] then
        line.ids = sub(line.ids, 1, place * 8 - 8) .. sub(line.ids, place * 8 + 1)
      end
    end
    if #line.ids < size then save(key, line, most, 'KEEPTTL') end
  end
end
return 1`);

/** KEYS: a timeline. */
export const DROP = new Script(`return redis.call('UNLINK', KEYS[1], KEYS[1] .. ':b')`);
